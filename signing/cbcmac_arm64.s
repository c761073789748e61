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

#define ROUND2(key) \
	AESE  key.B16, V0.B16 \
	AESMC V0.B16, V0.B16  \
	AESE  key.B16, V1.B16 \
	AESMC V1.B16, V1.B16

// func ccmBlocks(keys *roundKeys, rounds int, x *[16]byte, c *counter, p *byte, n int, open uint64)
//
// The keys are where macBlocks has them, V0 is the chaining value, V1 the counter that becomes the next block's key stream, V2 the counter
// block, but for the 32 bits that count, R6; V5 is all ones to open. The key stream doesn't wait for the chain, so it's
// done in the time in which that waits.
TEXT ·ccmBlocks(SB), NOSPLIT, $0-56
	MOVD   keys+0(FP), R0
	MOVD   rounds+8(FP), R1
	MOVD   x+16(FP), R2
	MOVD   c+24(FP), R8
	MOVD   p+32(FP), R3
	MOVD   n+40(FP), R4
	MOVD   open+48(FP), R5
	VDUP   R5, V5.D2
	VLD1   (R0), [V16.B16, V17.B16, V18.B16, V19.B16]
	SUB    $10, R1, R5
	ADD    R5<<4, R0, R5
	VLD1.P 64(R5), [V20.B16, V21.B16, V22.B16, V23.B16]
	VLD1.P 64(R5), [V24.B16, V25.B16, V26.B16, V27.B16]
	VLD1   (R5), [V28.B16, V29.B16, V30.B16]
	VLD1   (R2), [V0.B16]
	VLD1   (R8), [V2.B16, V3.B16] // the counter and its key stream
	MOVWU  12(R8), R6
	REVW   R6, R6
	VLD1   (R3), [V4.B16]
	VEOR   V4.B16, V3.B16, V6.B16
	VST1.P [V6.B16], 16(R3)
	VAND   V5.B16, V3.B16, V3.B16
	VEOR   V4.B16, V3.B16, V3.B16
	VEOR   V3.B16, V0.B16, V0.B16

ccm:
	ADDW $1, R6
	REVW R6, R7
	VMOV V2.B16, V1.B16
	VMOV R7, V1.S[3]
	CMP  $10, R1
	BEQ  ccmTen
	ROUND2(V16)
	ROUND2(V17)
	ROUND2(V18)
	ROUND2(V19)

ccmTen:
	ROUND2(V20)
	ROUND2(V21)
	ROUND2(V22)
	ROUND2(V23)
	ROUND2(V24)
	ROUND2(V25)
	ROUND2(V26)
	ROUND2(V27)
	ROUND2(V28)
	AESE   V29.B16, V0.B16
	AESE   V29.B16, V1.B16
	VEOR   V30.B16, V1.B16, V1.B16
	SUBS   $1, R4
	BEQ    ccmLast
	VLD1   (R3), [V4.B16]
	VEOR   V4.B16, V1.B16, V6.B16
	VST1.P [V6.B16], 16(R3)
	VAND   V5.B16, V1.B16, V3.B16
	VEOR   V30.B16, V4.B16, V4.B16
	VEOR   V3.B16, V4.B16, V4.B16
	VEOR   V4.B16, V0.B16, V0.B16
	B      ccm

ccmLast:
	VEOR V30.B16, V0.B16, V0.B16
	VST1 [V0.B16], (R2)
	REVW R6, R6
	MOVW R6, 12(R8)
	ADD  $16, R8
	VST1 [V1.B16], (R8)
	RET
