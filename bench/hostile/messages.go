package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/gosmbd/smb/smb2"
)

const bigFile = "big"

// bigFile makes one of 8 MiB.
func (x *arena) bigFile() error {
	return os.WriteFile(filepath.Join(x.dir, bigFile), make([]byte, 8<<20), 0o666)
}

// commandBodies returns a request of each command as it should be, and one of none.
func commandBodies(file, dir smb2.FileID) []body {
	return []body{
		smb2.CommandNegotiate:      smb2.NegotiateRequest{Dialects: []smb2.Dialect{smb2.Dialect210, smb2.Dialect302}},
		smb2.CommandSessionSetup:   smb2.SessionSetupRequest{SecurityMode: smb2.SigningEnabled, SecurityBuffer: []byte("NTLMSSP\x00\x01\x00\x00\x00\x37\x82\x08\xe2................")},
		smb2.CommandLogoff:         smb2.LogoffRequest{},
		smb2.CommandTreeConnect:    smb2.TreeConnectRequest{Path: `\\server\` + shareName},
		smb2.CommandTreeDisconnect: smb2.TreeDisconnectRequest{},
		smb2.CommandCreate: createBody("m", smb2.OpenIf, 0,
			smb2.CreateContext{Name: smb2.ContextRqLs, Data: smb2.LeaseContext{Version: 2, Key: [16]byte{1}, State: 7}.Append(nil)},
			smb2.CreateContext{Name: smb2.ContextDHnQ, Data: smb2.DurableRequest{}.Append(nil)}),
		smb2.CommandClose:           smb2.CloseRequest{FileID: file},
		smb2.CommandFlush:           smb2.FlushRequest{FileID: file},
		smb2.CommandRead:            smb2.ReadRequest{FileID: file, Length: 100},
		smb2.CommandWrite:           smb2.WriteRequest{FileID: file, Data: []byte("something to write")},
		smb2.CommandLock:            smb2.LockRequest{FileID: file, Locks: []smb2.LockElement{{Length: 1, Flags: smb2.LockExclusive | smb2.LockFailImmediately}, {Offset: 9, Length: 1, Flags: smb2.LockUnlock}}},
		smb2.CommandIoctl:           smb2.IoctlRequest{CtlCode: smb2.FsctlSrvCopychunk, FileID: file, MaxOutputResponse: 12, Flags: 1, Input: make([]byte, 56)},
		smb2.CommandCancel:          smb2.CancelRequest{},
		smb2.CommandEcho:            smb2.EchoRequest{},
		smb2.CommandQueryDirectory:  smb2.QueryDirectoryRequest{FileID: dir, Class: smb2.ClassFileIdBothDirectoryInformation, OutputLength: 4096, Pattern: "*"},
		smb2.CommandChangeNotify:    smb2.ChangeNotifyRequest{FileID: dir, OutputLength: 4096, Filter: 0xFFF},
		smb2.CommandQueryInfo:       smb2.QueryInfoRequest{FileID: file, InfoType: smb2.InfoFile, Class: uint8(smb2.ClassFileAllInformation), OutputLength: 4096, Input: make([]byte, 16)},
		smb2.CommandSetInfo:         smb2.SetInfoRequest{FileID: file, InfoType: smb2.InfoFile, Class: uint8(smb2.ClassFileBasicInformation), Data: make([]byte, 40)},
		smb2.CommandOplockBreak:     smb2.LeaseBreakAck{LeaseKey: [16]byte{1}},
		smb2.CommandOplockBreak + 1: raw(make([]byte, 8)),
	}
}

// spoil makes b, the body of a message, malformed in one of many ways.
func spoil(r *rand.Rand, b []byte) []byte {
	extremes := []byte{0, 1, 0x7F, 0x80, 0xFF}
	for range 1 + r.IntN(3) {
		if len(b) == 0 {
			break
		}
		switch i := r.IntN(len(b)); r.IntN(6) {
		case 0:
			b = b[:i]
		case 1:
			b[i] ^= 1 << r.IntN(8)
		case 2:
			b[i] = extremes[r.IntN(len(extremes))]
		case 3: // a length or an offset
			e := extremes[r.IntN(len(extremes))]
			for k := i &^ 3; k < min(i&^3+4, len(b)); k++ {
				b[k] = e
			}
		case 4:
			b = append(b, make([]byte, r.IntN(300))...)
		case 5:
			b[min(i, 7)] = byte(r.Uint32())
		}
	}
	return b
}

// malformed sends malformed requests of each command, three of four with a session. (G12)
func malformed(x *arena) (string, error) {
	n := x.times(20_000)
	commands := len(commandBodies(smb2.FileID{}, smb2.FileID{}))
	attack := func(n int) (answers, drops int64, err error) {
		var answered, dropped atomic.Int64
		err = each(commands*4, 4, func(i int) error {
			r := rand.New(rand.NewPCG(uint64(i), uint64(n)))
			for left := n / 4; left > 0; {
				sent, got, err := x.malformedOnce(r, i/4, i%4 != 0, min(left, 500))
				if err != nil {
					return err
				}
				left -= sent
				answered.Add(int64(got))
				if got < sent {
					dropped.Add(1)
				}
			}
			return nil
		})
		return answered.Load(), dropped.Load(), err
	}
	if _, _, err := attack(max(n/20, 400)); err != nil {
		return "", err
	}
	if err := x.begin(); err != nil {
		return "", err
	}
	answers, drops, err := attack(n)
	return fmt.Sprintf("%d of each of %d commands; %d answered, %d connections ended", n, commands, answers, drops), err
}

// malformedOnce uses one connection for up to n requests. It returns how many it sent and
// how many were answered.
func (x *arena) malformedOnce(r *rand.Rand, cmd int, loggedOn bool, n int) (sent, got int, err error) {
	var p *peer
	var file, dir smb2.FileID
	if loggedOn {
		if p, err = logOn(x.addr, r.IntN(100), attacker); err == nil {
			// It goes with the connection: the directory's names, which the server keeps for a
			// while, aren't what is looked for.
			file, err = p.create(createBody(fmt.Sprintf("m%d", r.Uint32()), smb2.OpenIf, smb2.OptionDeleteOnClose))
		}
		if err == nil {
			dir, err = p.create(createBody("", smb2.Open, smb2.OptionDirectoryFile))
		}
		if err == nil {
			err = p.wealth(n + 1)
		}
	} else {
		if p, err = dial(x.addr, r.IntN(100)); err == nil {
			err = p.negotiate()
		}
		n = min(n, 30) // credits
	}
	if p != nil {
		defer p.close()
	}
	if err != nil {
		return 0, 0, err
	}
	const batch = 50
	for sent < n {
		var msgs [][]byte
		for range min(batch, n-sent, p.credits) {
			good := commandBodies(file, dir)[cmd].Append(nil)
			if r.IntN(8) == 0 {
				good = good[:r.IntN(len(good)+1)]
			}
			msgs = append(msgs, p.message(smb2.Command(cmd), 1, raw(spoil(r, good))))
		}
		if len(msgs) == 0 {
			return sent, got, nil
		}
		sent += len(msgs)
		if p.send(msgs...) != nil {
			return sent, got, nil
		}
		if smb2.Command(cmd) == smb2.CommandCancel {
			if _, _, err := p.try(smb2.CommandEcho, smb2.EchoRequest{}); err != nil {
				return sent, got, nil
			}
			got += len(msgs) // which nobody answers
			continue
		}
		if !p.answers(len(msgs), &got) {
			return sent, got, nil
		}
	}
	return sent, got, nil
}

// answers takes n replies, interim ones too; false: the connection ended.
func (p *peer) answers(n int, got *int) bool {
	for range n {
		if _, _, err := p.recv(); err != nil {
			return false
		}
		*got++
	}
	return true
}

// compounds sends frames of thousands of requests. (G8)
func compounds(x *arena) (string, error) {
	if err := x.bigFile(); err != nil {
		return "", err
	}
	attack := func(n int) (frames int64, err error) {
		var done atomic.Int64
		err = each(n, 4, func(i int) error {
			for _, do := range []func(*peer) error{manyEchoes, manyCancels, longChain, muchAtOnce, otherwise} {
				p, err := logOn(x.addr, i, attacker)
				if err == nil {
					err = errors.Join(p.wealth(8000), do(p))
				}
				if p != nil {
					p.close()
				}
				if err != nil {
					return err
				}
				done.Add(1)
			}
			return nil
		})
		return done.Load(), err
	}
	if _, err := attack(4); err != nil {
		return "", err
	}
	if err := x.begin(); err != nil {
		return "", err
	}
	frames, err := attack(x.times(60))
	if err != nil {
		return "", err
	}
	if err := x.pause(); err != nil {
		return "", err
	}
	if x.peak > 400<<20 {
		x.miss("RSS peak %d MiB for four connections with a budget of 32 MiB each (G8)", x.peak>>20)
	}
	return fmt.Sprintf("%d frames of up to 100,000 requests", frames), nil
}

// manyEchoes is as many requests in one frame as there are credits.
func manyEchoes(p *peer) error {
	var msgs [][]byte
	for range 7000 {
		msgs = append(msgs, p.message(smb2.CommandEcho, 1, smb2.EchoRequest{}))
	}
	return p.oneFrame(msgs)
}

// manyCancels takes no credits.
func manyCancels(p *peer) error {
	one := smb2.Header{Command: smb2.CommandCancel, SessionID: p.session, MessageID: 1 << 40}.Append(nil)
	one = smb2.CancelRequest{}.Append(one)
	var msgs [][]byte
	for range 100_000 {
		msgs = append(msgs, append([]byte(nil), one...))
	}
	return p.oneFrame(append(msgs, p.message(smb2.CommandEcho, 1, smb2.EchoRequest{})))
}

// longChain opens and closes the same file, related.
func longChain(p *peer) error {
	var msgs [][]byte
	for i := range 1500 {
		msgs = append(msgs,
			p.message(smb2.CommandCreate, 1, createBody(fmt.Sprint("chain", i%3), smb2.OpenIf, 0)),
			related(p.message(smb2.CommandClose, 1, smb2.CloseRequest{FileID: smb2.RelatedFileID})))
	}
	return p.oneFrame(msgs)
}

// muchAtOnce asks in one frame for far more than a frame may hold.
func muchAtOnce(p *peer) error {
	id, err := p.open(bigFile)
	if err != nil {
		return err
	}
	var msgs [][]byte
	for range 50 {
		msgs = append(msgs, p.message(smb2.CommandRead, 128, smb2.ReadRequest{FileID: id, Length: 8 << 20}))
	}
	return p.oneFrame(msgs)
}

// otherwise has a session logged off and a tree disconnected among what needs them.
func otherwise(p *peer) error {
	var msgs [][]byte
	for range 300 {
		msgs = append(msgs,
			p.message(smb2.CommandTreeConnect, 1, smb2.TreeConnectRequest{Path: `\\server\` + shareName}),
			related(p.message(smb2.CommandCreate, 1, createBody("other", smb2.OpenIf, 0))),
			related(p.message(smb2.CommandTreeDisconnect, 1, smb2.TreeDisconnectRequest{})),
			related(p.message(smb2.CommandRead, 1, smb2.ReadRequest{FileID: smb2.RelatedFileID, Length: 1})))
	}
	return p.oneFrame(append(msgs, p.message(smb2.CommandLogoff, 1, smb2.LogoffRequest{}),
		related(p.message(smb2.CommandTreeConnect, 1, smb2.TreeConnectRequest{Path: `\\server\` + shareName}))))
}

func related(msg []byte) []byte {
	msg[16] |= byte(smb2.FlagRelated)
	return msg
}

// oneFrame sends a compound and takes what comes until each is answered, or the connection
// ends, which is an answer as well.
func (p *peer) oneFrame(msgs [][]byte) error {
	if p.compound(msgs...) != nil {
		return nil
	}
	last := p.next - 1
	for {
		_, msg, err := p.recv()
		if err != nil {
			return connectionEnded(err)
		}
		for b := msg; len(b) > 0; {
			h, err := smb2.ParseHeader(b)
			if err != nil {
				return err
			}
			if h.Status != smb2.StatusPending && (h.MessageID == last || h.MessageID == last-127) {
				return nil
			}
			if h.NextCommand == 0 || int(h.NextCommand) > len(b) {
				break
			}
			b = b[h.NextCommand:]
		}
	}
}

// connectionEnded returns err unless it says that the server ended the connection.
func connectionEnded(err error) error {
	var late interface{ Timeout() bool }
	if errors.As(err, &late) && late.Timeout() {
		return fmt.Errorf("no answer: %w", err)
	}
	var form *frameError
	if errors.As(err, &form) {
		return err
	}
	return nil
}

// creditAbuse asks for too many, uses them twice, out of order and beyond what there is.
func creditAbuse(x *arena) (string, error) {
	attack := func(n int) error {
		return each(n, 4, func(i int) error {
			p, err := logOn(x.addr, i, attacker)
			if err != nil {
				return err
			}
			defer p.close()
			p.ask = 0xFFFF
			for range 100 {
				if _, _, err := p.try(smb2.CommandEcho, smb2.EchoRequest{}); err != nil {
					return err
				}
			}
			if p.credits > 8192 {
				x.miss("%d credits, at most 8192 are to be had", p.credits)
			}
			switch i % 5 {
			case 0: // the window stays where it is, since one id is never used
				p.next++
				p.credits--
				var got int
				for p.credits > 10 {
					var msgs [][]byte
					for range min(p.credits, 1000) {
						msgs = append(msgs, p.message(smb2.CommandEcho, 1, smb2.EchoRequest{}))
					}
					p.ask = 0xFFFF
					if p.send(msgs...) != nil || !p.answers(len(msgs), &got) {
						return nil
					}
					if got > 20_000 {
						x.miss("the window moves though an id is missing")
						return nil
					}
				}
				return nil
			case 1:
				p.next--
			case 2:
				p.next += 1 << 32
			case 3:
				p.next = ^uint64(0) - 1
			case 4:
				p.next -= 10
			}
			charge := []uint16{1, 1, 0xFFFF, 2, 0xFFFF}[i%5]
			for range 20 {
				p.send(p.message(smb2.CommandRead, charge, smb2.ReadRequest{Length: 8 << 20}))
			}
			if !p.gone(10 * time.Second) {
				x.miss("ids out of the window are served, kind %d", i%5)
			}
			return nil
		})
	}
	if err := attack(20); err != nil {
		return "", err
	}
	if err := x.begin(); err != nil {
		return "", err
	}
	n := x.times(500)
	return fmt.Sprintf("%d connections", n), attack(n)
}
