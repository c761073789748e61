// Package interop holds tests that drive real SMB clients against the example
// server: smbclient, smbtorture and impacket here, Go's client libraries in the
// module goclients, the Linux kernel's client in kernel.sh.
//
// coherence.sh, multichannel.sh and persistent.sh have that client prove what
// clients may cache, several channels, and handles that outlive connections and
// the server; posix.sh has it use the POSIX extensions, and krb5.sh Kerberos tickets.
// Package kernelcheck is their part in the virtual machine. quota.sh runs the tests there that
// take a kernel with quotas.
//
// Some tests have a domain, with Samba as its controller (dc_test.go). It takes ports
// that are root's; without root they are skipped.
//
// install.sh installs the clients on Debian. A client that is missing skips its
// tests, unless SMB_INTEROP_REQUIRED is set, as it is in CI.
//
// Variables:
//
//	SMB_INTEROP_REQUIRED=1  fail instead of skip where a client is missing
//	SMB_INTEROP_RACE=1      build the server with the race detector
//	SMB_INTEROP_BINARY=...  test this program instead of building the server
//	SMB_INTEROP_PEER=smbd   test Samba's server, to see whether a failure is
//	                        the server's fault or the test's
package interop
