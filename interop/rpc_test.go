package interop

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestRpcclient logs on again on a pipe, in every way that rpcclient has, and calls. What
// isn't protected is refused.
func TestRpcclient(t *testing.T) {
	need(t, "rpcclient")
	s := start(t)
	for _, binding := range []string{"", "connect", "packet", "sign", "seal", "ntlm,connect", "ntlm,sign", "ntlm,seal", "spnego,connect", "spnego,sign", "spnego,seal"} {
		out, err := command(t, time.Minute, "rpcclient", "-s", clientConf(t), "-p", strconv.Itoa(s.Port),
			"-U", userName+"%"+password, "ncacn_np:127.0.0.1["+binding+"]", "-c", "srvinfo")
		if refused := strings.Contains(binding, "connect"); refused {
			if !strings.Contains(out, "ACCESS_DENIED") {
				t.Errorf("[%s]: %v: %s", binding, err, out)
			}
		} else if err != nil || !strings.Contains(out, "server type") {
			t.Errorf("[%s]: %v: %s", binding, err, out)
		}
	}
}
