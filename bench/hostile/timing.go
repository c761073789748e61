package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/gosmbd/smb/internal/ntlmclient"
	"github.com/gosmbd/smb/signing"
	"github.com/gosmbd/smb/smb2"
)

// samples are times of one kind of request each.
type samples map[string][]float64

// significant is the t above which two kinds don't take the same time, as in dudect.
const significant = 4.5

// compare tells how the others differ from the first kind.
func (x *arena) compare(s samples, first string, others ...string) {
	// The slow ones say what else the machine did.
	var all []float64
	for _, v := range s {
		all = append(all, v...)
	}
	slices.Sort(all)
	most := all[len(all)*8/10]
	for _, name := range others {
		m1, v1, n1 := moments(s[first], most)
		m2, v2, n2 := moments(s[name], most)
		t := (m1 - m2) / math.Sqrt(v1/n1+v2/n2)
		x.note("%s %.1f µs, %s %.1f µs, t = %.1f", first, m1, name, m2, t)
		if math.Abs(t) > significant {
			x.miss("%s and %s differ by %.1f µs, t = %.1f (G13)", first, name, m1-m2, t)
		}
	}
}

// moments returns mean and variance of the values up to most, and how many there are.
func moments(values []float64, most float64) (mean, variance, n float64) {
	for _, v := range values {
		if v <= most {
			mean += v
			n++
		}
	}
	mean /= n
	for _, v := range values {
		if v <= most {
			variance += (v - mean) * (v - mean)
		}
	}
	return mean, variance / (n - 1), n
}

// timeLogons takes the time of failing logons of each kind, in random order.
func (x *arena) timeLogons(n int, kinds map[string]func(c *ntlmclient.Client) (change func([]byte))) (samples, error) {
	var list []string
	for name := range kinds {
		list = append(list, name)
	}
	slices.Sort(list)
	s := make(samples)
	var p *peer
	for i := range n * len(list) {
		if i%300 == 0 { // before the server's patience with who doesn't log on ends
			if p != nil {
				p.close()
			}
			var err error
			if p, err = dial(x.addr, i); err != nil {
				return nil, err
			}
			if err := p.negotiate(); err != nil {
				return nil, err
			}
		}
		name := list[rand.IntN(len(list))]
		c := &ntlmclient.Client{User: victim, Password: "wrong"}
		change := kinds[name](c)
		p.session = 0
		challenge, err := p.challenged(c)
		if err != nil {
			return nil, err
		}
		if _, err := p.answer(c, challenge, change); err != nil {
			return nil, err
		}
		began := time.Now()
		h, _, err := p.recv()
		took := time.Since(began)
		if err != nil {
			return nil, err
		}
		if h.Status != smb2.StatusLogonFailure {
			x.miss("%s: %v", name, h.Status)
			return s, nil
		}
		s[name] = append(s[name], float64(took.Nanoseconds())/1000)
	}
	p.close()
	return s, nil
}

// userTiming looks whether the time of a refusal tells who has an account. (G13)
func userTiming(x *arena) (string, error) {
	as := func(user string) func(c *ntlmclient.Client) func([]byte) {
		return func(c *ntlmclient.Client) func([]byte) { c.User = user; return nil }
	}
	kinds := map[string]func(*ntlmclient.Client) func([]byte){"existing": as(victim), "missing": as("xyz"), "disabled": as(retired)}
	if _, err := x.timeLogons(200, kinds); err != nil {
		return "", err
	}
	if err := x.begin(); err != nil {
		return "", err
	}
	n := x.times(10_000)
	s, err := x.timeLogons(n, kinds)
	if err == nil && len(x.missed) == 0 {
		x.compare(s, "existing", "missing", "disabled")
	}
	return fmt.Sprintf("%d logons of each kind", n), err
}

// macTiming looks whether the time of a refusal tells how much of a MAC was right. (G13)
func macTiming(x *arena) (string, error) {
	flip := func(at func(msg []byte) int) func(*ntlmclient.Client) func([]byte) {
		return func(c *ntlmclient.Client) func([]byte) {
			c.Password = password
			return func(msg []byte) { msg[at(msg)] ^= 1 }
		}
	}
	proof := func(msg []byte) int { return int(binary.LittleEndian.Uint32(msg[24:])) }
	kinds := map[string]func(*ntlmclient.Client) func([]byte){
		"proof from byte 0":  flip(proof),
		"proof from byte 15": flip(func(msg []byte) int { return proof(msg) + 15 }),
	}
	if _, err := x.timeLogons(200, kinds); err != nil {
		return "", err
	}
	if err := x.begin(); err != nil {
		return "", err
	}
	n := x.times(10_000)
	s, err := x.timeLogons(n, kinds)
	if err != nil {
		return "", err
	}
	x.compare(s, "proof from byte 0", "proof from byte 15")
	if s, err = x.timeSignatures(n); err != nil {
		return "", err
	}
	x.compare(s, "signature from byte 0", "signature from byte 15")
	return fmt.Sprintf("%d of each kind", n), nil
}

// timeSignatures takes the time of requests whose signature is wrong in its first or in
// its last byte.
func (x *arena) timeSignatures(n int) (samples, error) {
	p, err := x.logOn(1)
	if err != nil {
		return nil, err
	}
	s := make(samples)
	for range 2 * n {
		name, at := "signature from byte 0", 48
		if rand.IntN(2) == 1 {
			name, at = "signature from byte 15", 63
		}
		msg := p.message(smb2.CommandEcho, 1, smb2.EchoRequest{})
		msg[at] ^= 1
		if err := p.send(msg); err != nil {
			return nil, err
		}
		began := time.Now()
		h, _, err := p.recv()
		took := time.Since(began)
		if err != nil {
			return nil, err
		}
		if h.Status != smb2.StatusAccessDenied {
			return nil, h.Status
		}
		s[name] = append(s[name], float64(took.Nanoseconds())/1000)
	}
	return s, nil
}

// tagTiming looks whether the time to the end of a connection tells how much of the tag of
// an encrypted request was right. (G13)
func tagTiming(x *arena) (string, error) {
	if _, err := x.timeTags(100); err != nil {
		return "", err
	}
	if err := x.begin(); err != nil {
		return "", err
	}
	n := x.times(2500) // each is a logon
	s, err := x.timeTags(n)
	if err != nil {
		return "", err
	}
	for _, c := range tagCiphers {
		first, last := c.String()+" tag from byte 0", c.String()+" tag from byte 15"
		x.compare(samples{first: s[first], last: s[last]}, first, last)
	}
	return fmt.Sprintf("%d of each kind", n), nil
}

var tagCiphers = []signing.Cipher{signing.AES128GCM, signing.AES128CCM}

// timeTags takes the time from a request whose tag is wrong in its first or in its last
// byte to the end of the connection.
func (x *arena) timeTags(n int) (samples, error) {
	s := make(samples)
	for i := range 2 * len(tagCiphers) * n {
		p, err := dial(x.addr, i)
		if err != nil {
			return nil, err
		}
		p.cipher = tagCiphers[rand.IntN(len(tagCiphers))]
		if err := p.logOn(attacker, password); err != nil {
			p.close()
			return nil, err
		}
		at := []int{0, 15}[rand.IntN(2)]
		took, err := p.wrongTag(at)
		p.close()
		if err != nil {
			return nil, err
		}
		name := fmt.Sprintf("%v tag from byte %d", p.cipher, at)
		s[name] = append(s[name], float64(took.Nanoseconds())/1000)
	}
	return s, nil
}

// wrongTag returns how long the connection lives on after a request whose tag is wrong at
// a byte, behind one whose tag is right.
func (p *peer) wrongTag(at int) (time.Duration, error) {
	if err := p.send(p.sealed(p.message(smb2.CommandEcho, 1, smb2.EchoRequest{}))); err != nil {
		return 0, err
	}
	if answer, err := p.frame(); err != nil || !smb2.IsTransform(answer) {
		return 0, fmt.Errorf("an encrypted request wasn't answered: %w", err)
	}
	msg := p.sealed(p.message(smb2.CommandEcho, 1, smb2.EchoRequest{}))
	msg[4+at] ^= 1
	if err := p.send(msg); err != nil {
		return 0, err
	}
	began := time.Now()
	if _, err := p.frame(); err == nil {
		return 0, errors.New("a wrong tag was answered")
	}
	return time.Since(began), nil
}
