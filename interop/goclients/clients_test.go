package goclients

import (
	"context"
	"io"
	"io/fs"
	"net"
	"os"

	cloudsoda "github.com/cloudsoda/go-smb2"
	hiro "github.com/hirochachacha/go-smb2"
)

// file is what both libraries' files have.
type file interface {
	io.ReadWriteCloser
	io.ReaderAt
	io.WriterAt
	io.Seeker
	Truncate(size int64) error
	Sync() error
	Stat() (fs.FileInfo, error)
	Readdir(n int) ([]fs.FileInfo, error)
}

// share is what both libraries' mounted shares have.
type share interface {
	Mkdir(name string, perm os.FileMode) error
	MkdirAll(name string, perm os.FileMode) error
	ReadDir(name string) ([]fs.FileInfo, error)
	ReadFile(name string) ([]byte, error)
	WriteFile(name string, data []byte, perm os.FileMode) error
	Remove(name string) error
	RemoveAll(name string) error
	Rename(from, to string) error
	Stat(name string) (fs.FileInfo, error)
	Truncate(name string, size int64) error
	Umount() error

	open(name string, flag int) (file, error)
	total() (blocks uint64, err error)
}

// session is a logged-on session of either library.
type session struct {
	mount  func(name string) (share, error)
	names  func() ([]string, error)
	logoff func() error
}

// dial connects and logs on.
type dial func(addr, user, password string, dialect uint16, sign bool) (*session, error)

type hiroShare struct{ *hiro.Share }

func (s hiroShare) open(name string, flag int) (file, error) { return s.OpenFile(name, flag, 0o666) }

func (s hiroShare) total() (uint64, error) {
	st, err := s.Statfs(".")
	if err != nil {
		return 0, err
	}
	return st.TotalBlockCount(), nil
}

func dialHiro(addr, user, password string, dialect uint16, sign bool) (*session, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	d := &hiro.Dialer{
		Negotiator: hiro.Negotiator{RequireMessageSigning: sign, SpecifiedDialect: dialect},
		Initiator:  &hiro.NTLMInitiator{User: user, Password: password},
	}
	s, err := d.Dial(conn)
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &session{
		mount: func(name string) (share, error) {
			sh, err := s.Mount(name)
			return hiroShare{sh}, err
		},
		names:  s.ListSharenames,
		logoff: s.Logoff,
	}, nil
}

type cloudsodaShare struct{ *cloudsoda.Share }

func (s cloudsodaShare) open(name string, flag int) (file, error) {
	return s.OpenFile(name, flag, 0o666)
}

func (s cloudsodaShare) total() (uint64, error) {
	st, err := s.Statfs(".")
	if err != nil {
		return 0, err
	}
	return st.TotalBlockCount(), nil
}

func dialCloudsoda(addr, user, password string, dialect uint16, sign bool) (*session, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	d := &cloudsoda.Dialer{
		Negotiator: cloudsoda.Negotiator{RequireMessageSigning: sign, SpecifiedDialect: dialect},
		Initiator:  &cloudsoda.NTLMInitiator{User: user, Password: password},
	}
	s, err := d.DialConn(context.Background(), conn, addr)
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &session{
		mount: func(name string) (share, error) {
			sh, err := s.Mount(name)
			return cloudsodaShare{sh}, err
		},
		names:  s.ListSharenames,
		logoff: s.Logoff,
	}, nil
}
