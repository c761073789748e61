package netlogon

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/smb2"
)

// Statuses that only controllers send, [MS-ERREF] 2.3.1.
const (
	statusInvalidComputerName smb2.Status = 0xC0000122
	statusNoTrustSAMAccount   smb2.Status = 0xC000018B
)

// told are the statuses of a controller that the client is told, as Windows does: the
// controller has checked the password before, or else means to be heard.
var told = map[smb2.Status]bool{
	smb2.StatusAccountRestriction:  true,
	smb2.StatusInvalidLogonHours:   true,
	smb2.StatusInvalidWorkstation:  true,
	smb2.StatusPasswordExpired:     true,
	smb2.StatusPasswordMustChange:  true,
	smb2.StatusAccountExpired:      true,
	smb2.StatusAccountLockedOut:    true,
	smb2.StatusLogonTypeNotGranted: true,
	smb2.StatusNoLogonServers:      true, // of the user's own, trusted domain
}

// refusal is the error for a logon that a controller refuses.
func (a *Accounts) refusal(at *ntlm.Attempt, v validation) error {
	switch {
	case v.status == smb2.StatusNoSuchUser && v.authoritative && a.isOurs(at.Domain):
		return ntlm.ErrNoSuchUser
	case v.status == smb2.StatusNoSuchUser:
		// Not ErrNoSuchUser: nobody knows whether there is one, so he is no guest.
		return fmt.Errorf("netlogon: the domain %s knows no domain or user of this name", a.cfg.Domain)
	case v.status == smb2.StatusWrongPassword:
		return ntlm.ErrWrongPassword
	case v.status == smb2.StatusAccountDisabled:
		return ntlm.ErrDisabled
	case told[v.status]:
		return fmt.Errorf("netlogon: the domain controller answers %w", v.status)
	}
	return &controllerError{v.status}
}

// isOurs tells whether a user said to be of this domain, or of none.
func (a *Accounts) isOurs(domain string) bool {
	return domain == "" || strings.EqualFold(domain, a.cfg.Domain) ||
		a.cfg.DNSDomain != "" && strings.EqualFold(domain, a.cfg.DNSDomain)
}

// advise adds to an error what to do about it.
func (a *Accounts) advise(err error) error {
	var e *controllerError
	if !errors.As(err, &e) {
		return err
	}
	switch e.status {
	case smb2.StatusAccessDenied:
		return fmt.Errorf("%w: the password is not that of the account %s$; reset it there and here", err, a.cfg.Computer)
	case statusNoTrustSAMAccount:
		return fmt.Errorf("%w: the domain has no machine account %s$; join this machine", err, a.cfg.Computer)
	case statusInvalidComputerName:
		return fmt.Errorf("%w: Controller.Name is not what it calls itself", err)
	case smb2.StatusDowngradeDetected:
		return errDowngrade
	}
	return err
}
