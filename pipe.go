package smb

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/dssetup"
	"github.com/gosmbd/smb/dcerpc/initshutdown"
	"github.com/gosmbd/smb/dcerpc/lsarpc"
	"github.com/gosmbd/smb/dcerpc/netdfs"
	"github.com/gosmbd/smb/dcerpc/ntsvcs"
	"github.com/gosmbd/smb/dcerpc/samr"
	"github.com/gosmbd/smb/dcerpc/spoolss"
	"github.com/gosmbd/smb/dcerpc/srvsvc"
	"github.com/gosmbd/smb/dcerpc/svcctl"
	"github.com/gosmbd/smb/dcerpc/winreg"
	"github.com/gosmbd/smb/dcerpc/wkssvc"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// pipe is the server's end of an open named pipe.
type pipe struct {
	name string

	// mu comes before all other locks: calls, and the Namespace that they ask,
	// run under it, which keeps the messages of a pipe in order.
	mu     sync.Mutex
	rpc    *dcerpc.Conn
	broken bool
	closed bool
	ready  chan struct{} // closed when there is something to read; nil while nobody waits
}

// pipes is what can be opened on IPC$, besides epmapper. Names that clients send are
// looked up here and never become paths.
var pipes = map[string]func(s *Server) []dcerpc.Interface{
	initshutdown.PipeName: func(*Server) []dcerpc.Interface { return []dcerpc.Interface{initshutdown.Interface()} },
	lsarpc.PipeName: func(s *Server) []dcerpc.Interface {
		return []dcerpc.Interface{lsarpc.Interface(rpcAccounts{s}), dssetup.Interface(rpcAccounts{s})}
	},
	netdfs.PipeName:  func(s *Server) []dcerpc.Interface { return []dcerpc.Interface{netdfs.Interface(rpcServer{s})} },
	ntsvcs.PipeName:  func(*Server) []dcerpc.Interface { return []dcerpc.Interface{ntsvcs.Interface()} },
	samr.PipeName:    func(s *Server) []dcerpc.Interface { return []dcerpc.Interface{samr.Interface(rpcAccounts{s})} },
	spoolss.PipeName: func(*Server) []dcerpc.Interface { return []dcerpc.Interface{spoolss.Interface()} },
	srvsvc.PipeName:  func(s *Server) []dcerpc.Interface { return []dcerpc.Interface{srvsvc.Interface(rpcServer{s})} },
	svcctl.PipeName:  func(*Server) []dcerpc.Interface { return []dcerpc.Interface{svcctl.Interface(rpcServices)} },
	winreg.PipeName:  func(s *Server) []dcerpc.Interface { return []dcerpc.Interface{winreg.Interface(rpcServer{s}.registry)} },
	wkssvc.PipeName:  func(s *Server) []dcerpc.Interface { return []dcerpc.Interface{wkssvc.Interface(rpcServer{s})} },
}

// pipeAccess is what an open of a pipe may have.
const pipeAccess = vfs.AccessFull

// createPipe opens a named pipe. [MS-SMB2] 3.3.5.9
func createPipe(_ context.Context, r *request, w *reply, req smb2.CreateRequest) error {
	if req.Impersonation > smb2.ImpersonationDelegate {
		return smb2.StatusBadImpersonationLevel
	}
	if req.Impersonation == smb2.ImpersonationDelegate {
		return smb2.StatusBadImpersonationLevel
	}
	name := strings.ToLower(req.Name)
	ifaces := r.c.srv.pipe(name)
	if ifaces == nil {
		return smb2.StatusObjectNameNotFound
	}
	if r.id.caller.Anonymous {
		return smb2.StatusAccessDenied
	}
	access := vfs.Access(req.DesiredAccess).Expand()
	if access&vfs.MaximumAllowed != 0 {
		access = access&^vfs.MaximumAllowed | pipeAccess
	}
	if access == 0 || access&^pipeAccess != 0 {
		return smb2.StatusAccessDenied
	}
	if r.se.hasManyPipes() {
		return smb2.StatusInsufficientResources
	}
	o := &open{
		srv: r.c.srv, id: r.c.srv.newFileID(), caller: r.id.caller, shareName: r.tree.name, name: name, access: access, share: req.ShareAccess, options: req.Options, born: time.Now(),
		pipe: &pipe{name: name},
	}
	conf := r.c.rpcConfig(o)
	conf.Memory, conf.User = r.c.srv.limits.pipeMemory(), r.id.caller.String()
	o.pipe.rpc = conf.NewConn(`\PIPE\`+name, ifaces...)
	o.at.Store(r.tree)
	if err := r.se.reserveOpen(); err != nil {
		return err
	}
	if err := r.se.addOpen(o); err != nil {
		r.se.unreserveOpen()
		return err
	}
	r.ch.file, r.ch.hasFile = o.id, true
	w.buf.B = smb2.CreateResponse{
		Action:         smb2.ActionOpened,
		FileAttributes: uint32(vfs.AttrNormal),
		AllocationSize: clusterSize,
		FileID:         o.id,
	}.Append(w.buf.B)
	return nil
}

// write feeds what the client wrote to the interface behind the pipe.
func (p *pipe) write(ctx context.Context, b []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.broken {
		return smb2.StatusPipeDisconnected
	}
	if _, err := p.rpc.Write(ctx, b); err != nil {
		p.broken = true
	}
	if p.ready != nil {
		close(p.ready)
		p.ready = nil
	}
	return nil
}

// take reads up to n bytes. more: the message goes on. When there is nothing it returns
// a channel to wait on.
func (p *pipe) take(n int) (b []byte, more bool, wait <-chan struct{}, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	next, _ := p.rpc.Len()
	b = make([]byte, min(n, next, 64<<10)) // none before there is something to read, so that who waits holds none
	_, err = p.rpc.Read(b)
	switch {
	case err == nil:
		return b, false, nil, nil
	case errors.Is(err, dcerpc.ErrMore):
		return b, true, nil, nil
	case p.broken || p.closed:
		return nil, false, nil, smb2.StatusPipeDisconnected
	}
	if p.ready == nil {
		p.ready = make(chan struct{})
	}
	return nil, false, p.ready, nil
}

// await reads up to n bytes of one message, waiting for it if there is none.
func (p *pipe) await(r *request, n int) (b []byte, more bool, err error) {
	for {
		b, more, wait, err := p.take(n)
		if err != nil || wait == nil {
			return b, more, err
		}
		if err := r.waitAtWill(wait); err != nil {
			return nil, false, err
		}
	}
}

// read answers a READ.
func (p *pipe) read(r *request, w *reply, n int) error {
	if r.open.access&vfs.ReadData == 0 {
		return smb2.StatusAccessDenied
	}
	b, more, err := p.await(r, n)
	if err != nil {
		return err
	}
	w.grow(smb2.ReadResponseSize + len(b))
	w.buf.B = smb2.ReadResponse{Data: b}.Append(w.buf.B)
	if more {
		w.status = smb2.StatusBufferOverflow
	}
	return nil
}

// flush waits until the client's end has been read, which it has: writes are
// taken in at once.
func (p *pipe) flush(*request) error { return nil }

// close ends the pipe.
func (p *pipe) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.rpc.Close()
	if p.ready != nil {
		close(p.ready)
		p.ready = nil
	}
}

// pipeTransceive writes a message and reads the answer. [MS-SMB2] 3.3.5.15.3
func pipeTransceive(ctx context.Context, r *request, q *control) error {
	p := r.open.pipe
	if p == nil {
		return smb2.StatusInvalidDeviceRequest
	}
	if r.open.access&vfs.ReadData == 0 || r.open.access&vfs.WriteData == 0 {
		return smb2.StatusAccessDenied
	}
	p.mu.Lock()
	next, _ := p.rpc.Len()
	p.mu.Unlock()
	if next > 0 {
		return smb2.StatusPipeBusy // an answer before was not read
	}
	if err := p.write(ctx, q.Input); err != nil {
		return err
	}
	b, more, err := p.await(r, int(q.MaxOutputResponse))
	if err != nil {
		return err
	}
	if more {
		q.status = smb2.StatusBufferOverflow
	}
	q.out = b
	return nil
}

// pipePeek tells what could be read, with as much of it as there is room for. [MS-SMB2]
// 3.3.5.15.4, [MS-FSCC] 2.3.46
func pipePeek(_ context.Context, r *request, q *control) error {
	p := r.open.pipe
	switch {
	case p == nil:
		return smb2.StatusInvalidDeviceRequest
	case r.open.access&vfs.ReadData == 0:
		return smb2.StatusAccessDenied
	case q.MaxOutputResponse < smb2.PipePeekFixed:
		return smb2.StatusInvalidParameter
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	next, total := p.rpc.Len()
	resp := smb2.PipePeekResponse{State: smb2.PipeConnectedState, ReadDataAvailable: uint32(total), MessageLength: uint32(next)}
	switch {
	case next > 0:
		resp.NumberOfMessages = 1
		resp.Data = make([]byte, min(next, int(q.MaxOutputResponse)-smb2.PipePeekFixed))
		p.rpc.Peek(resp.Data)
	case p.closed:
		return smb2.StatusPipeBroken
	case p.broken:
		return smb2.StatusPipeDisconnected
	}
	if p.broken {
		resp.State = smb2.PipeClosingState
	}
	if len(resp.Data) < next {
		q.status = smb2.StatusBufferOverflow
	}
	q.out = resp.Append(nil)
	return nil
}

// pipeWait waits for an instance of a pipe; there always is one. [MS-SMB2]
// 3.3.5.15.13
func pipeWait(_ context.Context, r *request, q *control) error {
	if !r.tree.ipc() {
		return smb2.StatusInvalidDeviceRequest
	}
	req, err := smb2.ParsePipeWaitRequest(q.Input)
	if err != nil {
		return err
	}
	if r.c.srv.pipe(strings.ToLower(req.Name)) == nil {
		return smb2.StatusObjectNameNotFound
	}
	return nil
}

// pipeFile answers QUERY_INFO for a pipe.
func (q *query) pipeFile(dst []byte, class smb2.FileInfoClass) ([]byte, error) {
	o, p := q.o, q.o.pipe
	switch class {
	case smb2.ClassFilePipeInformation:
		return smb2.FilePipeInformation{ReadMode: 1}.Append(dst), nil
	case smb2.ClassFilePipeLocalInformation:
		p.mu.Lock()
		_, total := p.rpc.Len()
		p.mu.Unlock()
		const message, connected, quota = 1, 3, 4096
		return smb2.FilePipeLocalInformation{
			NamedPipeType: message, NamedPipeConfiguration: 2, MaximumInstances: ^uint32(0), CurrentInstances: 1,
			InboundQuota: quota, ReadDataAvailable: uint32(total), OutboundQuota: quota, WriteQuotaAvailable: quota,
			NamedPipeState: connected,
		}.Append(dst), nil
	case smb2.ClassFileBasicInformation:
		return smb2.FileBasicInformation{FileAttributes: uint32(vfs.AttrNormal)}.Append(dst), nil
	case smb2.ClassFileStandardInformation:
		return smb2.FileStandardInformation{AllocationSize: clusterSize, NumberOfLinks: 1, DeletePending: true}.Append(dst), nil
	case smb2.ClassFileInternalInformation:
		return smb2.FileInternalInformation{IndexNumber: o.id.Persistent}.Append(dst), nil
	case smb2.ClassFileAccessInformation:
		return smb2.FileAccessInformation{AccessFlags: uint32(o.access)}.Append(dst), nil
	case smb2.ClassFileNameInformation:
		return smb2.FileNameInformation{FileName: `\` + p.name}.Append(dst), nil
	case smb2.ClassFileModeInformation:
		return smb2.FileModeInformation{Mode: uint32(o.options & modeBits)}.Append(dst), nil
	}
	return dst, smb2.StatusInvalidParameter
}

// setInfo answers SET_INFO for a pipe.
func (p *pipe) setInfo(class smb2.FileInfoClass, data []byte) error {
	if class != smb2.ClassFilePipeInformation {
		return smb2.StatusInvalidParameter
	}
	_, err := smb2.ParseFilePipeInformation(data)
	return err
}
