//go:build !purego

#include "textflag.h"

// func subWord(w uint32) uint32
//
// All columns are the same, so that the ShiftRows of the last round changes nothing.
TEXT ·subWord(SB), NOSPLIT, $0-12
	MOVL       w+0(FP), X0
	PSHUFD     $0, X0, X0
	PXOR       X1, X1
	AESENCLAST X1, X0
	MOVL       X0, ret+8(FP)
	RET

// func macBlocks(keys *roundKeys, rounds int, x *[16]byte, p *byte, n int)
//
// X0 is the chaining value, X1 the first and the last key together, X2 to X5 the keys of the four rounds that only a key
// of 256 bits has, X6 to X14 those of the others. Between two blocks come the last key, the next block and the first key: their sum
// is made beside the chain, which so consists of rounds alone.
TEXT ·macBlocks(SB), NOSPLIT, $0-40
	MOVQ  keys+0(FP), AX
	MOVQ  rounds+8(FP), CX
	MOVQ  x+16(FP), DX
	MOVQ  p+24(FP), SI
	MOVQ  n+32(FP), BX
	MOVQ  CX, DI
	SHLQ  $4, DI
	ADDQ  AX, DI // the last key
	MOVOU 16(AX), X2
	MOVOU 32(AX), X3
	MOVOU 48(AX), X4
	MOVOU 64(AX), X5
	MOVOU -144(DI), X6
	MOVOU -128(DI), X7
	MOVOU -112(DI), X8
	MOVOU -96(DI), X9
	MOVOU -80(DI), X10
	MOVOU -64(DI), X11
	MOVOU -48(DI), X12
	MOVOU -32(DI), X13
	MOVOU -16(DI), X14
	MOVOU (AX), X1
	MOVOU (DX), X0
	PXOR  X1, X0
	MOVOU (SI), X15
	PXOR  X15, X0
	MOVOU (DI), X15
	PXOR  X15, X1

block:
	CMPQ   CX, $10
	JEQ    ten
	AESENC X2, X0
	AESENC X3, X0
	AESENC X4, X0
	AESENC X5, X0

ten:
	AESENC     X6, X0
	AESENC     X7, X0
	AESENC     X8, X0
	AESENC     X9, X0
	AESENC     X10, X0
	AESENC     X11, X0
	AESENC     X12, X0
	AESENC     X13, X0
	AESENC     X14, X0
	DECQ       BX
	JEQ        last
	ADDQ       $16, SI
	MOVOU      (SI), X15
	PXOR       X1, X15
	AESENCLAST X15, X0
	JMP        block

last:
	MOVOU      (DI), X15
	AESENCLAST X15, X0
	MOVOU      X0, (DX)
	RET

// func ccmBlocks(keys *roundKeys, rounds int, x *[16]byte, c *counter, p *byte, n int, open uint64)
//
// X0 is the chaining value, X1 the counter that becomes the next block's key stream, X4 the counter block and the first key
// together, but for the 32 bits that count: R8, and R9 for the key's. X5 is the last key, X6 to X14 are the keys of the last
// rounds, X15 is all ones to open. The key stream doesn't wait for the chain, so it's done in the time in which that waits.
TEXT ·ccmBlocks(SB), NOSPLIT, $0-56
	MOVQ    keys+0(FP), AX
	MOVQ    rounds+8(FP), CX
	MOVQ    x+16(FP), DX
	MOVQ    c+24(FP), R10
	MOVQ    p+32(FP), SI
	MOVQ    n+40(FP), BX
	MOVQ    open+48(FP), X15
	PSHUFD  $0x44, X15, X15
	MOVQ    CX, DI
	SHLQ    $4, DI
	ADDQ    AX, DI // the last key
	MOVOU   (DI), X5
	MOVOU   -144(DI), X6
	MOVOU   -128(DI), X7
	MOVOU   -112(DI), X8
	MOVOU   -96(DI), X9
	MOVOU   -80(DI), X10
	MOVOU   -64(DI), X11
	MOVOU   -48(DI), X12
	MOVOU   -32(DI), X13
	MOVOU   -16(DI), X14
	MOVL    12(R10), R8
	BSWAPL  R8
	MOVL    12(AX), R9
	MOVOU   (R10), X4
	MOVOU   (AX), X2
	PXOR    X2, X4
	MOVOU   (DX), X0
	PXOR    X2, X0
	MOVOU   16(R10), X1
	MOVOU   (SI), X3
	MOVO    X3, X2
	PXOR    X1, X2
	MOVOU   X2, (SI)
	PAND    X15, X1
	PXOR    X1, X3
	PXOR    X3, X0

ccm:
	INCL   R8
	MOVL   R8, R11
	BSWAPL R11
	XORL   R9, R11
	MOVO   X4, X1
	PINSRD $3, R11, X1
	CMPQ   CX, $10
	JEQ    ccmTen
	MOVOU  16(AX), X2
	MOVOU  32(AX), X3
	AESENC X2, X0
	AESENC X2, X1
	AESENC X3, X0
	AESENC X3, X1
	MOVOU  48(AX), X2
	MOVOU  64(AX), X3
	AESENC X2, X0
	AESENC X2, X1
	AESENC X3, X0
	AESENC X3, X1

ccmTen:
	AESENC     X6, X0
	AESENC     X6, X1
	AESENC     X7, X0
	AESENC     X7, X1
	AESENC     X8, X0
	AESENC     X8, X1
	AESENC     X9, X0
	AESENC     X9, X1
	AESENC     X10, X0
	AESENC     X10, X1
	AESENC     X11, X0
	AESENC     X11, X1
	AESENC     X12, X0
	AESENC     X12, X1
	AESENC     X13, X0
	AESENC     X13, X1
	AESENC     X14, X0
	AESENC     X14, X1
	AESENCLAST X5, X1
	DECQ       BX
	JEQ        ccmLast
	ADDQ       $16, SI
	MOVOU      (SI), X3
	MOVO       X3, X2
	PXOR       X1, X2
	MOVOU      X2, (SI)
	MOVOU      (AX), X2
	PAND       X15, X1
	PXOR       X5, X3
	PXOR       X2, X3
	PXOR       X1, X3
	AESENCLAST X3, X0
	JMP        ccm

ccmLast:
	AESENCLAST X5, X0
	MOVOU      X0, (DX)
	MOVOU      X1, 16(R10)
	BSWAPL     R8
	MOVL       R8, 12(R10)
	RET
