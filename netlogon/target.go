package netlogon

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/gosmbd/smb/internal/utf16le"
	"github.com/gosmbd/smb/ntlm"
)

const (
	ntlmV1Len   = 24 // of a response of NTLMv1, [MS-NLMP] 2.2.2.6
	ntlmV2Pairs = 44 // where the AV pairs of an NTLMv2 response begin, [MS-NLMP] 2.2.2.7

	avEOL            = 0 // [MS-NLMP] 2.2.2.1
	avNbComputerName = 1
	avNbDomainName   = 2
)

// checkKind refuses responses that no controller is to be asked about.
func checkKind(a *ntlm.Attempt) error {
	switch {
	case len(a.NTResponse) >= ntlmV2Pairs:
		return nil
	case len(a.NTResponse) == ntlmV1Len:
		if !a.NTLMv1 {
			return ntlm.ErrNTLMv1
		}
		return nil
	case len(a.NTResponse) == 0 && len(a.LMResponse) > 1:
		return ntlm.ErrLM
	}
	// A name without a password. To ask would count against the account.
	return ntlm.ErrWrongPassword
}

// checkTarget compares the names in an NTLMv2 response, which are those that the server
// gave in its challenge, with those of the machine account. A controller refuses the
// response if they differ, so that no machine can ask about logons at another
// (CVE-2015-0005, [MS-APDS] 3.1.5.2), and doesn't say why.
func checkTarget(a *ntlm.Attempt, domain, computer string) error {
	if len(a.NTResponse) < ntlmV2Pairs {
		return nil
	}
	for p := a.NTResponse[ntlmV2Pairs:]; len(p) >= 4; {
		id, n := binary.LittleEndian.Uint16(p), int(binary.LittleEndian.Uint16(p[2:]))
		if id == avEOL || n > len(p)-4 {
			return nil
		}
		value, err := utf16le.Decode(p[4 : 4+n])
		if err != nil {
			return nil
		}
		p = p[4+n:]
		want := ""
		switch id {
		case avNbComputerName:
			want = computer
		case avNbDomainName:
			want = domain
		default:
			continue
		}
		if !strings.EqualFold(value, want) {
			return fmt.Errorf("%w: its response names %q, the machine account is %q in %q (have Accounts.Mechanism set up the ntlm.Mechanism)",
				ntlm.ErrTarget, value, computer, domain)
		}
	}
	return nil
}
