package main

import (
	"testing"

	"github.com/gosmbd/smb"
)

func TestAppleOptions(t *testing.T) {
	for text, want := range map[string]smb.AppleOptions{
		"noapple":          {Off: true},
		"unixmodes":        {UnixModes: true},
		"zeroids":          {ZeroFileIDs: true},
		"timemachine":      {TimeMachine: true},
		"timemachine=32K":  {TimeMachine: true, TimeMachineMax: 32 << 10},
		"timemachine=5":    {TimeMachine: true, TimeMachineMax: 5},
		"timemachine=500G": {TimeMachine: true, TimeMachineMax: 500 << 30},
	} {
		var got shareConfig
		if err := got.set(text); err != nil || got.apple != want {
			t.Errorf("%s: %+v, %v", text, got.apple, err)
		}
	}
	for _, text := range []string{"timemachine=K", "timemachine=0", "timemachine=-1", "timemachine=1KK", "timemachine=99999999T"} {
		if err := new(shareConfig).set(text); err == nil {
			t.Errorf("%s is no error", text)
		}
	}
}
