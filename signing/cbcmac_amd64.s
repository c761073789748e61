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
