package ntlm

import (
	"context"
	"crypto/rand"
	"encoding/asn1"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"github.com/gosmbd/smb"
)

var _ smb.RawMechanism = (*Mechanism)(nil)

// oid is NTLM's name in SPNEGO, [MS-NLMP] 1.9.
var oid = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 2, 10}

// Check is what to do about a property of a logon that an old client may lack.
type Check uint8

// The levels of a Check.
const (
	CheckOff     Check = iota // don't look
	CheckAudit                // log a warning where CheckRequire would refuse
	CheckRequire              // refuse the logon
)

// Mechanism is smb.Mechanism for NTLM. Its zero value lets nobody in. The fields
// must not change once a server uses it.
type Mechanism struct {
	// Accounts knows the users. Nil means that there are none.
	Accounts Accounts

	// Domain and Host are the NetBIOS names that the server gives for itself:
	// by default "WORKGROUP", and the machine's host name up to its first dot
	// in upper case.
	Domain, Host string

	// DNSDomain and DNSHost are the DNS names. By default they are none, and
	// the host name in lower case.
	DNSDomain, DNSHost string

	// Guest lets in users that Accounts doesn't know, as guests: without
	// proof, without a session key, so without signing and encryption. A known
	// user with a wrong password is never let in.
	Guest bool

	// Anonymous lets in clients that give no name.
	Anonymous bool

	// NTLMv1 accepts the responses that older clients send. They are weak: who
	// listens in can compute the password from one. Prefer User.NTLMv1.
	NTLMv1 bool

	// RequireMIC says what to do about clients that don't protect their
	// messages by a MIC. Windows does since Vista, [MS-NLMP] <12>, others need
	// not: look what CheckAudit logs first. A MIC that is there is verified in
	// any case.
	RequireMIC Check

	// RequireTarget says what to do about clients that mean to log on to
	// another server, by the SPN in their response, or don't say to which: a
	// sign of a relayed logon. TargetHosts are the names that clients use for
	// this server; none are Host and DNSHost.
	RequireTarget Check
	TargetHosts   []string

	// Logger gets warnings about weak logons. Nil means slog.Default().
	Logger *slog.Logger

	// For tests: the clock, and a source of challenges.
	now   func() time.Time
	nonce func() ([8]byte, error)
}

// New returns a Mechanism that accepts the users of a with the defaults for the
// rest.
func New(a Accounts) *Mechanism { return &Mechanism{Accounts: a} }

// OID implements smb.Mechanism.
func (m *Mechanism) OID() asn1.ObjectIdentifier { return oid }

// IsRaw implements smb.RawMechanism: NTLM's messages have a signature.
func (m *Mechanism) IsRaw(token []byte) bool {
	_, ok := messageType(token)
	return ok
}

// Accept implements smb.Mechanism.
func (m *Mechanism) Accept(_ context.Context, peer net.Addr) smb.Acceptor {
	return &acceptor{mech: m, peer: peer}
}

func (m *Mechanism) logger() *slog.Logger {
	if m.Logger != nil {
		return m.Logger
	}
	return slog.Default()
}

// names are what the server calls itself in a challenge.
type names struct{ nbDomain, nbHost, dnsDomain, dnsHost string }

func (m *Mechanism) names() names {
	n := names{m.Domain, m.Host, m.DNSDomain, m.DNSHost}
	if n.nbHost == "" || n.dnsHost == "" {
		machine, err := os.Hostname()
		if err != nil || machine == "" {
			machine = "localhost"
		}
		if n.dnsHost == "" {
			n.dnsHost = strings.ToLower(machine)
		}
		if n.nbHost == "" {
			n.nbHost = netBIOSName(machine)
		}
	}
	if n.nbDomain == "" {
		n.nbDomain = "WORKGROUP"
	}
	return n
}

// netBIOSName makes one of a host name: 15 bytes at most.
func netBIOSName(host string) string {
	host, _, _ = strings.Cut(host, ".")
	return strings.ToUpper(host[:min(15, len(host))])
}

// targetInfo lists the AV pairs of a challenge, [MS-NLMP] 3.2.5.1.1 and, for the
// time, 2.2.2.1.
func (m *Mechanism) targetInfo(n names) []byte {
	now := time.Now
	if m.now != nil {
		now = m.now
	}
	b := appendAVString(nil, avNbDomainName, n.nbDomain)
	b = appendAVString(b, avNbComputerName, n.nbHost)
	b = appendAVString(b, avDNSDomainName, n.dnsDomain)
	b = appendAVString(b, avDNSComputerName, n.dnsHost)
	b = appendAV(b, avTimestamp, appendFileTime(nil, now()))
	return appendAV(b, avEOL, nil)
}

func (m *Mechanism) newNonce() (n [8]byte, err error) {
	if m.nonce != nil {
		return m.nonce()
	}
	_, err = rand.Read(n[:])
	return n, err
}

// isTarget reports whether an SPN names this server: a service, a slash, the
// host, and maybe a port or a further part.
func (m *Mechanism) isTarget(spn string) bool {
	service, host, ok := strings.Cut(spn, "/")
	if !ok || !strings.EqualFold(service, "cifs") && !strings.EqualFold(service, "host") {
		return false
	}
	host, _, _ = strings.Cut(host, "/")
	hosts := m.TargetHosts
	if len(hosts) == 0 {
		n := m.names()
		hosts = []string{n.nbHost, n.dnsHost}
	}
	for _, h := range hosts {
		if strings.EqualFold(h, host) || strings.EqualFold(h, stripPort(host)) {
			return true
		}
	}
	return false
}

func stripPort(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		return h
	}
	return host
}
