package krb

import (
	"crypto/rand"
	"encoding/binary"
	"time"

	"github.com/jcmturner/gofork/encoding/asn1"
	"github.com/jcmturner/gokrb5/v8/asn1tools"
	"github.com/jcmturner/gokrb5/v8/iana"
	"github.com/jcmturner/gokrb5/v8/iana/asnAppTag"
	"github.com/jcmturner/gokrb5/v8/iana/msgtype"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

// apRepPart is EncAPRepPart, RFC 4120 5.5.2. gokrb5 has it for reading.
type apRepPart struct {
	CTime  time.Time           `asn1:"generalized,explicit,tag:0"`
	Cusec  int                 `asn1:"explicit,tag:1"`
	Subkey types.EncryptionKey `asn1:"optional,explicit,tag:2"`
	Seq    int64               `asn1:"optional,explicit,tag:3"`
}

// reply makes our AP-REP, which proves that we could read the ticket. With AES it has a
// subkey of ours, as MIT and Heimdal do; with RC4, which is older than RFC 4121, none.
func (a *acceptor) reply(x *exchange) ([]byte, error) {
	var b [4]byte
	rand.Read(b[:])                                      // never fails
	a.firstSeq = binary.BigEndian.Uint32(b[:])>>2 | 1<<8 // not zero, and positive for those who take it for signed
	a.sequence = uint64(a.firstSeq)
	part := apRepPart{CTime: x.auth.CTime, Cusec: x.auth.Cusec, Seq: int64(a.firstSeq)}
	if k := a.key(); !k.rc4() {
		a.ownKey = k.randomKey()
		part.Subkey = a.ownKey.lib()
	}
	plain, err := asn1.Marshal(part)
	if err != nil {
		return nil, err
	}
	sealed, err := a.ticketKey.encrypt(asn1tools.AddASNAppTag(plain, asnAppTag.EncAPRepPart), usageAPRep)
	if err != nil {
		return nil, err
	}
	msg, err := asn1.Marshal(messages.APRep{PVNO: iana.PVNO, MsgType: msgtype.KRB_AP_REP, EncPart: sealed})
	if err != nil {
		return nil, err
	}
	return a.framing.frame(idAPRep, asn1tools.AddASNAppTag(msg, asnAppTag.APREP)), nil
}

// thirdLeg checks the client's AP-REP, [MS-KILE] 3.4.5.1. It proves that it is not a
// replay by our sequence number.
func (a *acceptor) thirdLeg(token []byte) error {
	_, msg, err := unframe(token, idAPRep)
	if err != nil {
		return err
	}
	var rep messages.APRep
	if err := rep.Unmarshal(msg); err != nil {
		return ErrMalformed
	}
	plain, ok := a.ticketKey.decrypt(rep.EncPart, usageAPRep)
	if !ok {
		return ErrMismatch
	}
	var part messages.EncAPRepPart
	if err := part.Unmarshal(plain); err != nil {
		return ErrMalformed
	}
	if uint32(part.SequenceNumber) != a.firstSeq {
		return ErrMismatch
	}
	a.phase, a.done = over, true
	return nil
}
