// Package signing is the cryptography of an SMB2 connection: signatures ([MS-SMB2] 3.1.4.1, 3.1.5.1), encryption
// ([MS-SMB2] 3.1.4.3), the key schedule ([MS-SMB2] 3.1.4.2) and the preauthentication hash chain.
//
// It works on frames in place and knows nothing of sessions. A [Signer] and a [Sealer] each hold one expanded key,
// never change, and may be used by any number of goroutines at once; keep one per key, since expanding a key costs more than
// signing a small message.
package signing
