//go:build !purego

#include "textflag.h"

// func subWord(w uint32) uint32
//
// All columns are the same, so that AESE's ShiftRows changes nothing.
TEXT ·subWord(SB), NOSPLIT, $0-12
	MOVWU w+0(FP), R0
	VDUP  R0, V0.S4
	VEOR  V1.B16, V1.B16, V1.B16
	AESE  V1.B16, V0.B16
	VMOV  V0.S[0], R0
	MOVW  R0, ret+8(FP)
	RET

#define ROUND(key) \
	AESE  key.B16, V0.B16 \
	AESMC V0.B16, V0.B16

// func macBlocks(keys *roundKeys, rounds int, x *[16]byte, p *byte, n int)
//
// V0 is the chaining value, V16 to V19 are the keys of the four rounds that only a key of 256 bits has, V20 to V29 those of
// the others, V30 is the last key. AESE adds its key first, so what the next block is added to is the last key, beside the chain.
TEXT ·macBlocks(SB), NOSPLIT, $0-40
	MOVD   keys+0(FP), R0
	MOVD   rounds+8(FP), R1
	MOVD   x+16(FP), R2
	MOVD   p+24(FP), R3
	MOVD   n+32(FP), R4
	VLD1   (R0), [V16.B16, V17.B16, V18.B16, V19.B16]
	SUB    $10, R1, R5
	ADD    R5<<4, R0, R5
	VLD1.P 64(R5), [V20.B16, V21.B16, V22.B16, V23.B16]
	VLD1.P 64(R5), [V24.B16, V25.B16, V26.B16, V27.B16]
	VLD1   (R5), [V28.B16, V29.B16, V30.B16]
	VLD1   (R2), [V0.B16]
	VLD1.P 16(R3), [V1.B16]
	VEOR   V1.B16, V0.B16, V0.B16

block:
	CMP $10, R1
	BEQ ten
	ROUND(V16)
	ROUND(V17)
	ROUND(V18)
	ROUND(V19)

ten:
	ROUND(V20)
	ROUND(V21)
	ROUND(V22)
	ROUND(V23)
	ROUND(V24)
	ROUND(V25)
	ROUND(V26)
	ROUND(V27)
	ROUND(V28)
	AESE   V29.B16, V0.B16
	SUBS   $1, R4
	BEQ    last
	VLD1.P 16(R3), [V1.B16]
	VEOR   V30.B16, V1.B16, V1.B16
	VEOR   V1.B16, V0.B16, V0.B16
	B      block

last:
	VEOR V30.B16, V0.B16, V0.B16
	VST1 [V0.B16], (R2)
	RET
