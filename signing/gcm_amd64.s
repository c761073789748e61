//go:build !purego

#include "textflag.h"

// The bytes of a block the other way round.
DATA reverse<>+0(SB)/8, $0x08090a0b0c0d0e0f
DATA reverse<>+8(SB)/8, $0x0001020304050607
GLOBL reverse<>(SB), NOPTR|RODATA, $16

// The four counters of a register of 512 bits, and four more.
DATA count<>+0(SB)/8, $0
DATA count<>+8(SB)/8, $0
DATA count<>+16(SB)/8, $1
DATA count<>+24(SB)/8, $0
DATA count<>+32(SB)/8, $2
DATA count<>+40(SB)/8, $0
DATA count<>+48(SB)/8, $3
DATA count<>+56(SB)/8, $0
GLOBL count<>(SB), NOPTR|RODATA, $64
DATA four<>+0(SB)/8, $4
DATA four<>+8(SB)/8, $0
GLOBL four<>(SB), NOPTR|RODATA, $16

// The upper half of x^128 + x^127 + x^126 + x^121 + 1: GHASH's polynomial, its bits in the order of the blocks'.
DATA poly<>+0(SB)/8, $0xc200000000000000
DATA poly<>+8(SB)/8, $0
GLOBL poly<>(SB), NOPTR|RODATA, $16

// LOAD takes the four blocks at p.
#define LOAD(p, x) \
	VMOVDQU64 p, x \
	VPSHUFB   Z31, x, x

// AHEAD asks for the group that comes 4 KiB after p: a large frame isn't in the cache any more, or not yet, and the processor
// by itself asks too late.
#define AHEAD(p) \
	PREFETCHT0 4096(p) \
	PREFETCHT0 4160(p) \
	PREFETCHT0 4224(p) \
	PREFETCHT0 4288(p) \
	PREFETCHT0 4352(p) \
	PREFETCHT0 4416(p) \
	PREFETCHT0 4480(p) \
	PREFETCHT0 4544(p)

// MULTIPLY adds the products of the four blocks of x and the powers at t to Z28 (low), Z29 (middle) and Z30 (high).
#define MULTIPLY(t, x) \
	VMOVDQU64  t, Z24             \
	VPCLMULQDQ $0x00, Z24, x, Z25 \
	VPXORQ     Z25, Z28, Z28      \
	VPCLMULQDQ $0x11, Z24, x, Z25 \
	VPXORQ     Z25, Z30, Z30      \
	VPCLMULQDQ $0x01, Z24, x, Z25 \
	VPCLMULQDQ $0x10, Z24, x, Z26 \
	VPTERNLOGQ $0x96, Z25, Z26, Z29

// NONE makes the sums zero, REDUCE makes the hash of them, Z27. Z23 is the polynomial.
#define NONE \
	VPXORQ Z28, Z28, Z28 \
	VPXORQ Z29, Z29, Z29 \
	VPXORQ Z30, Z30, Z30

#define REDUCE \
	VPSLLDQ       $8, Z29, Z24         \
	VPSRLDQ       $8, Z29, Z29         \
	VPXORQ        Z24, Z28, Z28        \
	VPXORQ        Z29, Z30, Z30        \
	VEXTRACTI64X4 $1, Z28, Y24         \
	VEXTRACTI64X4 $1, Z30, Y25         \
	VPXORQ        Y24, Y28, Y28        \
	VPXORQ        Y25, Y30, Y30        \
	VEXTRACTI64X2 $1, Y28, X24         \
	VEXTRACTI64X2 $1, Y30, X25         \
	VPXORQ        X24, X28, X28        \
	VPXORQ        X25, X30, X30        \
	VPCLMULQDQ    $0x00, X28, X23, X24 \
	VPSHUFD       $0x4e, X28, X28      \
	VPXORQ        X24, X28, X28        \
	VPCLMULQDQ    $0x00, X28, X23, X24 \
	VPSHUFD       $0x4e, X28, X28      \
	VPTERNLOGQ    $0x96, X24, X30, X28 \
	VMOVDQA64     X28, X27

// func ghash(t *powers, y *[16]byte, p *byte, n int)
//
// A group of 32 blocks, or what's left at the end, takes one reduction. What was hashed before is multiplied last: the other
// products of the group don't wait for it.
TEXT ·ghash(SB), NOSPLIT, $0-32
	MOVQ            t+0(FP), AX
	MOVQ            y+8(FP), DX
	MOVQ            p+16(FP), SI
	MOVQ            n+24(FP), BX
	VBROADCASTI32X4 reverse<>(SB), Z31
	VMOVDQU64       poly<>(SB), X23
	VMOVDQU64       (DX), X27

group:
	NONE
	CMPQ   BX, $512
	JB     less
	AHEAD(SI)
	LOAD(64(SI), Z1)
	LOAD(128(SI), Z2)
	LOAD(192(SI), Z3)
	LOAD(256(SI), Z4)
	LOAD(320(SI), Z5)
	LOAD(384(SI), Z6)
	LOAD(448(SI), Z7)
	LOAD(0(SI), Z0)
	MULTIPLY(64(AX), Z1)
	MULTIPLY(128(AX), Z2)
	MULTIPLY(192(AX), Z3)
	MULTIPLY(256(AX), Z4)
	MULTIPLY(320(AX), Z5)
	MULTIPLY(384(AX), Z6)
	MULTIPLY(448(AX), Z7)
	VPXORQ Z27, Z0, Z0
	MULTIPLY(0(AX), Z0)
	ADDQ   $512, SI
	SUBQ   $512, BX
	JMP    reduce

less:
	// The last block is multiplied with H, so the first with the power that's as many blocks before it.
	LEAQ 15(BX), CX
	ANDQ $-16, CX
	LEAQ 512(AX), R8
	SUBQ CX, R8

four:
	CMPQ   BX, $64
	JBE    last
	LOAD(0(SI), Z0)
	VPXORQ Z27, Z0, Z0
	VPXORQ Z27, Z27, Z27
	MULTIPLY(0(R8), Z0)
	ADDQ   $64, R8
	ADDQ   $64, SI
	SUBQ   $64, BX
	JMP    four

last:
	// 1 to 64 bytes, and zeros, which is why it doesn't matter what's behind H.
	MOVQ       $64, CX
	SUBQ       BX, CX
	MOVQ       $-1, R9
	SHRQ       CX, R9
	KMOVQ      R9, K1
	VMOVDQU8.Z (SI), K1, Z0
	VPSHUFB    Z31, Z0, Z0
	VPXORQ     Z27, Z0, Z0
	MULTIPLY(0(R8), Z0)
	XORQ       BX, BX

reduce:
	REDUCE
	TESTQ     BX, BX
	JNE       group
	VMOVDQU64 X27, (DX)
	VZEROUPPER
	RET

// ROUND is a round of AES for the 32 blocks of Z0 to Z7.
#define ROUND(key) \
	VBROADCASTI32X4 key, Z8 \
	VAESENC Z8, Z0, Z0      \
	VAESENC Z8, Z1, Z1      \
	VAESENC Z8, Z2, Z2      \
	VAESENC Z8, Z3, Z3      \
	VAESENC Z8, Z4, Z4      \
	VAESENC Z8, Z5, Z5      \
	VAESENC Z8, Z6, Z6      \
	VAESENC Z8, Z7, Z7

// COUNT makes the next four counter blocks, with the first key in them.
#define COUNT(x) \
	VPSHUFB Z31, Z12, x   \
	VPXORQ  Z9, x, x      \
	VPADDD  Z11, Z12, Z12

// LAST is the last round, and the key stream into the text.
#define LAST(p, x) \
	VAESENCLAST Z10, x, x \
	VPXORQ      p, x, x   \
	VMOVDQU64   x, p

// func cryptHash(keys *roundKeys, rounds int, t *powers, counter, y *[16]byte, p, q *byte, n int)
//
// Z12 is the counters, their bytes the other way round. The groups at q are hashed between the rounds, so that neither AES
// nor GHASH waits for its own results, and before any of the group at p is stored.
TEXT ·cryptHash(SB), NOSPLIT, $0-64
	MOVQ            keys+0(FP), R8
	MOVQ            rounds+8(FP), CX
	MOVQ            t+16(FP), AX
	MOVQ            counter+24(FP), R9
	MOVQ            y+32(FP), DX
	MOVQ            p+40(FP), DI
	MOVQ            q+48(FP), SI
	MOVQ            n+56(FP), BX
	MOVQ            CX, R10
	SHLQ            $4, R10
	ADDQ            R8, R10                    // the last key
	VBROADCASTI32X4 (R8), Z9
	VBROADCASTI32X4 (R10), Z10
	VBROADCASTI32X4 reverse<>(SB), Z31
	VBROADCASTI32X4 four<>(SB), Z11
	VBROADCASTI32X4 (R9), Z12
	VPSHUFB         Z31, Z12, Z12
	VPADDD          count<>(SB), Z12, Z12
	VMOVDQU64       poly<>(SB), X23
	VMOVDQU64       (DX), X27

stream:
	COUNT(Z0)
	COUNT(Z1)
	COUNT(Z2)
	COUNT(Z3)
	COUNT(Z4)
	COUNT(Z5)
	COUNT(Z6)
	COUNT(Z7)
	NONE
	CMPQ CX, $10
	JEQ  ten
	ROUND(16(R8))
	ROUND(32(R8))
	ROUND(48(R8))
	ROUND(64(R8))

ten:
	AHEAD(DI)
	ROUND(-144(R10))
	LOAD(64(SI), Z13)
	MULTIPLY(64(AX), Z13)
	ROUND(-128(R10))
	LOAD(128(SI), Z13)
	MULTIPLY(128(AX), Z13)
	ROUND(-112(R10))
	LOAD(192(SI), Z13)
	MULTIPLY(192(AX), Z13)
	ROUND(-96(R10))
	LOAD(256(SI), Z13)
	MULTIPLY(256(AX), Z13)
	ROUND(-80(R10))
	LOAD(320(SI), Z13)
	MULTIPLY(320(AX), Z13)
	ROUND(-64(R10))
	LOAD(384(SI), Z13)
	MULTIPLY(384(AX), Z13)
	ROUND(-48(R10))
	LOAD(448(SI), Z13)
	MULTIPLY(448(AX), Z13)
	ROUND(-32(R10))
	LOAD(0(SI), Z13)
	VPXORQ Z27, Z13, Z13
	MULTIPLY(0(AX), Z13)
	ROUND(-16(R10))
	REDUCE
	LAST(0(DI), Z0)
	LAST(64(DI), Z1)
	LAST(128(DI), Z2)
	LAST(192(DI), Z3)
	LAST(256(DI), Z4)
	LAST(320(DI), Z5)
	LAST(384(DI), Z6)
	LAST(448(DI), Z7)
	ADDQ $512, SI
	ADDQ $512, DI
	SUBQ $512, BX
	JNE  stream
	VPSHUFB   X31, X12, X12
	VMOVDQU64 X12, (R9)
	VMOVDQU64 X27, (DX)
	VZEROUPPER
	RET
