package interop

import (
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gosmbd/smb/internal/harness"
)

// The root of a namespace, and the server that its links lead to. Clients look for the
// latter on port 445.
const (
	dfsRoot   = "127.0.0.78"
	dfsTarget = "127.0.0.79"
	dfsNobody = "127.0.0.80" // where nobody listens
)

// startDFS starts both, and returns the directories that they share.
func startDFS(t *testing.T) (root, target string) {
	t.Helper()
	if peerIsSamba() {
		t.Skip("smbd listens on another port")
	}
	for _, host := range []string{dfsRoot, dfsTarget} {
		l, err := net.Listen("tcp", host+":445")
		if err != nil {
			t.Skipf("SKIPPED, NOT TESTED: DFS needs servers on port 445: %v", err)
		}
		l.Close()
	}
	root, target = shareDir(t), shareDir(t)
	for _, dir := range []string{filepath.Join(root, "sub"), filepath.Join(root, "hides"), filepath.Join(target, "deep")} {
		if err := os.Mkdir(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range map[string]string{root + "/here": "root\n", target + "/there": "target\n", target + "/deep/down": "deep\n"} {
		if err := os.WriteFile(name, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	startWith(t, []harness.Share{{Name: "dfs", Dir: root}, {Name: "plain", Dir: root}}, "-listen", dfsRoot+":445",
		"-dfs", "dfs/hides=//"+dfsTarget+"/data", "-dfs", "dfs/sub/two=//"+dfsNobody+"/x,//"+dfsTarget+"/data/deep")
	startWith(t, []harness.Share{{Name: "data", Dir: target}}, "-listen", dfsTarget+":445")
	return root, target
}

// TestDFS follows links with smbclient, looks at them with rpcclient, and asks for
// referrals with impacket.
func TestDFS(t *testing.T) {
	need(t, "smbclient")
	need(t, "rpcclient")
	root, target := startDFS(t)
	got := filepath.Join(t.TempDir(), "got")
	for _, dialect := range []string{"SMB2_02", "SMB2_10", "SMB3_00", "SMB3_11"} {
		conf := clientConf(t, "client min protocol = "+dialect, "client max protocol = "+dialect)
		run := func(cmd string) string {
			t.Helper()
			out, _ := command(t, time.Minute, "smbclient", "-s", conf, "-U", userName+"%"+password, "//"+dfsRoot+"/dfs", "-c", cmd)
			return out
		}
		wantText(t, run("ls"), "hides", "here")
		wantText(t, run("cd hides; showconnect; ls"), "//"+dfsTarget+"/data", "there")
		wantText(t, run(`ls sub\two\*`), "down") // of two targets, the first is dead
		run(`get sub\two\down ` + got)
		if b, err := os.ReadFile(got); err != nil || string(b) != "deep\n" {
			t.Errorf("%s: got %q, %v", dialect, b, err)
		}
		run(`rename here sub\moved; mkdir hides\new; put ` + got + ` hides\new\file; rename sub\moved here`)
		if _, err := os.Stat(filepath.Join(target, "new/file")); err != nil {
			t.Errorf("%s: what was made behind the link isn't there: %v", dialect, err)
		}
		wantText(t, run("rename sub sub2"), "NT_STATUS_ACCESS_DENIED")
		wantText(t, run("rmdir sub"), "NT_STATUS_DIRECTORY_NOT_EMPTY")
		run(`deltree hides\new`)
		if names, err := os.ReadDir(filepath.Join(root, "hides")); err != nil || len(names) > 0 {
			t.Errorf("%s: what the link hides has %v, %v", dialect, names, err)
		}
		if _, err := os.Stat(filepath.Join(root, "here")); err != nil {
			t.Errorf("%s: renaming there and back: %v", dialect, err)
		}
	}
	out, err := command(t, time.Minute, "rpcclient", "-s", clientConf(t), "-U", userName+"%"+password, dfsRoot, "-c",
		`dfsenumex \\\\x\\dfs 3; dfsgetinfo \\\\x\\dfs\\sub\\two s s 3; dfsadd \\\\x\\dfs\\new s s c`)
	wantText(t, out, `\dfs\hides`, "share: data\\deep", "WERR_ACCESS_DENIED")
	if err == nil {
		t.Error("rpcclient added a link")
	}
}

// TestDFSReferrals asks as no client does.
func TestDFSReferrals(t *testing.T) {
	needImpacket(t)
	script, err := filepath.Abs("testdata/impacket_dfs.py")
	if err != nil {
		t.Fatal(err)
	}
	startDFS(t)
	for version, lines := range map[string]string{
		"1": `version 1 consumed 48 flags 3 kind 0: \127.0.0.80\x \127.0.0.79\data\deep`,
		"2": `version 2 consumed 48 flags 2 kind 0: \127.0.0.80\x \127.0.0.79\data\deep`,
		"3": `version 3 consumed 48 flags 2 kind 0: \127.0.0.80\x \127.0.0.79\data\deep`,
		"4": `version 4 consumed 48 flags 2 kind 0: \127.0.0.80\x \127.0.0.79\data\deep`,
	} {
		out, err := command(t, time.Minute, python, script, dfsRoot, userName, password, version,
			`\some-server\DFS\Sub\TWO\x`, `\any\dfs`, `\any\plain`, `\domain`, "")
		if err != nil {
			t.Errorf("%v\n%s", err, tail(out, 20))
		}
		wantText(t, out, lines, "version "+version+` consumed 16 flags 3 kind 1: \any\dfs`, `\any\plain status 0xc0000225`, `\domain status 0xc000000d`)
	}
}
