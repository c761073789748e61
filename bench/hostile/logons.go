package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/gosmbd/smb/smb2"
)

// guessing tries passwords of one user over 200 connections from one address. What tells
// right from wrong may come once in 2 s. (G9)
func guessing(x *arena) (string, error) {
	if err := x.begin(); err != nil {
		return "", err
	}
	const sockets, long = 200, 20 * time.Second
	stop := time.Now().Add(long)
	var mu sync.Mutex
	var answered []time.Time
	var right, found int
	each(sockets, sockets, func(i int) error {
		for time.Now().Before(stop) {
			p, err := dial(x.addr, 0)
			if err != nil {
				return err
			}
			guess := "wrong"
			if rand.IntN(20) == 0 {
				guess = password
			}
			st, err := smb2.Status(0), p.negotiate()
			if err == nil {
				st, err = p.setup(victim, guess, nil)
			}
			p.close()
			if err != nil {
				continue
			}
			mu.Lock()
			if time.Now().Before(stop) {
				answered = append(answered, time.Now())
				if guess == password {
					right++
				}
				if st == smb2.StatusSuccess {
					found++
				}
			}
			mu.Unlock()
		}
		return nil
	})
	if err := x.pause(); err != nil {
		return "", err
	}
	// Answers that come together are one: all but one of them are refusals that nobody
	// learns from, or the other way around.
	slices.SortFunc(answered, time.Time.Compare)
	moments := 0
	var last time.Time
	for _, t := range answered {
		if t.Sub(last) > 200*time.Millisecond {
			moments++
		}
		last = t
	}
	if most := int(long/(2*time.Second)) + 2; moments > most {
		x.miss("answers at %d moments in %v (G9: %d)", moments, long, most)
	}
	x.note("%d moments with an answer; of %d right guesses %d were told", moments, right, found)
	return fmt.Sprintf("%d guesses over %d connections in %v", len(answered), sockets, long), nil
}
