package aferofs

import (
	"archive/tar"
	"bytes"
	"testing"

	"github.com/spf13/afero"
	"github.com/spf13/afero/tarfs"

	"github.com/gosmbd/smb/vfs/vfstest"
)

// archived is files with the directories that they are in, which afero's packages ask for.
var archived = []struct{ name, content string }{
	{"a", "one"}, {"d/", ""}, {"d/b", "two"}, {"d/e/", ""}, {"d/e/empty", ""},
}

func tarred(t *testing.T) afero.Fs {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, x := range archived {
		h := &tar.Header{Name: x.name, Mode: 0o644, Size: int64(len(x.content))}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(x.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return tarfs.New(tar.NewReader(&b))
}

func TestTar(t *testing.T) { vfstest.TestReadOnlyFS(t, New(tarred(t)), files) }
