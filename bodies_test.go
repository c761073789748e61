package smb_test

import (
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
)

// bodies returns a well-formed body for each command; those that need an open
// file use id.
func bodies(id smb2.FileID) map[smb2.Command]smbtest.Body {
	return map[smb2.Command]smbtest.Body{
		smb2.CommandNegotiate:      smbtest.NegotiateRequest(smbtest.AllDialects, smbtest.NegotiateOptions{}),
		smb2.CommandSessionSetup:   smb2.SessionSetupRequest{SecurityMode: smb2.SigningEnabled, SecurityBuffer: []byte("NTLMSSP\x00garbage")},
		smb2.CommandLogoff:         smb2.LogoffRequest{},
		smb2.CommandTreeConnect:    smb2.TreeConnectRequest{Path: `\\server\s`},
		smb2.CommandTreeDisconnect: smb2.TreeDisconnectRequest{},
		smb2.CommandCreate:         smbtest.CreateReq("f", smb2.OpenIf),
		smb2.CommandClose:          smb2.CloseRequest{FileID: id},
		smb2.CommandFlush:          smb2.FlushRequest{FileID: id},
		smb2.CommandRead:           smb2.ReadRequest{FileID: id, Length: 10},
		smb2.CommandWrite:          smb2.WriteRequest{FileID: id, Data: []byte("data")},
		smb2.CommandLock:           smbtest.LockReq(id, 0, 1, smb2.LockShared|smb2.LockFailImmediately),
		smb2.CommandIoctl:          smbtest.IoctlReq(id, smb2.FsctlSrvRequestResumeKey, nil, 32),
		smb2.CommandCancel:         smb2.CancelRequest{},
		smb2.CommandEcho:           smb2.EchoRequest{},
		smb2.CommandQueryDirectory: smb2.QueryDirectoryRequest{FileID: id, Class: smb2.ClassFileIdBothDirectoryInformation, OutputLength: 4096, Pattern: "*"},
		smb2.CommandChangeNotify:   smb2.ChangeNotifyRequest{FileID: id, OutputLength: 4096, Filter: 1},
		smb2.CommandQueryInfo:      smb2.QueryInfoRequest{FileID: id, InfoType: smb2.InfoFile, Class: uint8(smb2.ClassFileBasicInformation), OutputLength: 4096},
		smb2.CommandSetInfo:        smb2.SetInfoRequest{FileID: id, InfoType: smb2.InfoFile, Class: uint8(smb2.ClassFileEndOfFileInformation), Data: []byte{3, 0, 0, 0, 0, 0, 0, 0}},
		smb2.CommandOplockBreak:    smbtest.Raw(append([]byte{24, 0, 0, 0, 0, 0, 0, 0}, make([]byte, 16)...)),
	}
}
