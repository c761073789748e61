package smb_test

import (
	"bytes"
	"fmt"
	"testing"
)

// Operands of opCreate: how to open, what to cache, and the lease.
const (
	modeOpen    byte = 1 << 2
	modeCreate  byte = 2 << 2
	modeOpenIf  byte = 3 << 2
	modeReplace byte = 5 << 2
	modeRead    byte = 1 // less than all rights
	modeStat    byte = 2
	modeDir     byte = 0x20
	modeDelete  byte = 0x40
	modeAlone   byte = 0x80

	levelII     byte = 1
	levelBatch  byte = 3
	levelLease1 byte = 4
	levelLease  byte = 5
	levelUnder  byte = 6
	withApp     byte = 3 << 6

	lR, lRH, lRW, lRWH byte = 1 << 4, 3 << 4, 5 << 4, 7 << 4
)

type fuzzSeed struct {
	name   string
	script []byte
}

// dialect311 and dialect202 are what the first byte says of the dialect.
const dialect202, dialect311 byte = 0, 4

// fuzzSeeds has a script for each thing that the server can do with more than one
// request, and for each command as it is and damaged, in each state of a connection.
func fuzzSeeds() []fuzzSeed {
	var list []fuzzSeed
	add := func(name string, setup, second byte, ops ...[]byte) {
		list = append(list, fuzzSeed{name, append([]byte{setup, second}, bytes.Join(ops, nil)...)})
	}
	op := func(x ...byte) []byte { return x }
	// f opened by the first peer with a lease RWH of version 2, and by the third.
	leased := op(opCreate, 0, 0, modeOpenIf, levelLease, lRWH)
	batch := op(opCreate, 0, 0, modeOpenIf, levelBatch)
	other := op(peerB|opCreate, 0, 0, modeOpen, 0)
	durable := op(opCreate, 0, 0, modeOpenIf, levelBatch|keepDurable)
	durable2 := op(opCreate, 0, 0, modeOpenIf, levelLease|keepDurable2, lRWH, 1)
	persistent := op(opCreate, 0, 0, modeOpenIf, levelLease|keepPersistent, lRWH, 1)
	back2 := op(opCreate, 0, 0, modeOpen, levelLease|keepBack2, lRWH, 1)
	backPersistent := op(opCreate, 0, 0, modeOpen, levelLease|keepBackPersistent, lRWH, 1)
	const d, s, ipc, ca = dialect311, 1, 2, 0

	for x := range byte(5) {
		for _, stage := range []byte{0, setupRaw, setupNegotiated, setupNoTree, setupSeal} {
			add(fmt.Sprint("stage ", x, stage), x|stage, s, op(opCommand, 0, 13, 0), op(opCommand, 0, 0, 0), leased, op(opFlush, 0, 0))
		}
	}
	add("sealed for an ended session", d|setupSeal, s, op(opLogoff, 0), op(opClose, 0, 255), op(opLogon, 1))
	for cmd := range byte(20) {
		add(fmt.Sprint("command ", cmd), d, s, batch, op(opCommand, 0, cmd, 0))
		add(fmt.Sprint("unsigned ", cmd), d, s, batch, op(opCommand, howUnsigned, cmd, 0))
		add(fmt.Sprint("mutated ", cmd), d, s, batch, op(opCommand, howMutated, cmd, 0, 2, 8, 255, 0, 0))
		add(fmt.Sprint("raw ", cmd), d|setupNegotiated, s, op(opRaw, 0, cmd, 4, 4, 0, 0, 0))
		add(fmt.Sprint("tampered ", cmd), d, s, batch, op(opCommand, howTampered, cmd, 0, 16, 4))
		add(fmt.Sprint("compound ", cmd), d|setupSeal, ca, op(opCreate, howMore, 0, modeOpenIf, 0),
			op(opCommand, howRelated|howMore, cmd, 255), op(opClose, howRelated, 255))
		add(fmt.Sprint("sealed and flipped ", cmd), d|setupSeal, s, batch, op(opFlip, 60, 1), op(opCommand, 0, cmd, 0))
	}
	for class := range byte(80) {
		add(fmt.Sprint("info ", class), d, s, op(opCreate, 0, 0, modeOpenIf, 0), op(opWrite, 0, 0, 0xF0),
			op(opQueryInfo, 0, 0, 0xF8, class), op(opQueryInfo, 0, 0, 0xF9, class), op(opQueryInfo, 0, 0, 0xFA, class))
	}
	for x := range byte(8) {
		add(fmt.Sprint("set ", x), d, ca, leased, other, op(peerB|opSetInfo, 0, 0, x|1<<4), op(opAck, 0), op(opSetInfo, 0, 1, x|3<<4))
		add(fmt.Sprint("ioctl ", x), d, s, batch, op(opIoctl, 0, 0, x|0x20, 0, 0, 0, 0, 0, 0, 0, 0), op(opIoctl, 0, 255, x))
	}
	add("negotiate, then read", d, ipc, op(opCreate, 0, 8, modeOpen, 0), op(opCommand, howMore, 0, 0), op(opRead, 0, 0, 0xF0))
	add("directories", d, s, op(opCreate, 0, 2, modeOpen|modeDir|modeRead, 0), op(opCreate, 0, 3, modeOpenIf, 0), op(opQueryDir, 0, 1, 255), op(opQueryDir, 0, 1, 9), op(opQueryDir, 0, 0, 9),
		op(opCreate, howMore, 5, modeOpen|modeDir|modeRead, 0), op(opQueryDir, howMore|howRelated, 255, 20), op(opQueryDir, howMore|howRelated, 255, 20), op(opClose, howRelated, 255))
	add("copy", d, s, op(opCreate, 0, 0, modeOpenIf, 0), op(opWrite, 0, 0, 0xF0), op(opIoctl, 0, 0, 0), op(opIoctl, 0, 0, 5))

	stream := op(opCreate, 0, 6, modeOpenIf, levelLease, lRWH|1)
	add("apple", d, s, op(opCreate, 0, 0x78, modeOpenIf, 0), op(opWrite, 0, 0, 0xF0), op(opCreate, 0, 0x69, modeOpenIf, 0), op(opWrite, 0, 1, 0xF0), op(opCreate, 0, 5, modeOpen|modeDir|modeRead, 0), op(opQueryDir, 0, 2, 255),
		op(opIoctl, 0, 1, 0), op(opIoctl, 0, 0, 0x15, 0, 0, 0, 0), op(opClose, 0, 1), op(opClose, 0, 0))
	add("stream", d, s, op(opCreate, 0, 0, modeOpenIf, levelLease, lRWH), stream, op(opWrite, 0, 0, 0x30), op(peerB|opCreate, 0, 6, modeOpen, 0), op(opAck, 0), op(opAck, 0),
		op(peerB|opSetInfo, 0, 0, 0), op(opQueryInfo, 0, 0, 0xF8, 22), op(peerB|opClose, 0, 0), op(opClose, 0, 0))
	add("stream renamed", d, s, stream, op(opSetInfo, 0, 0, 1|2<<4), op(opSetInfo, 0, 0, 9|6<<4), op(opCreate, 0, 0, modeOpen, 0), op(opSetInfo, 0, 0, 1|1<<4), op(opSetInfo, 0, 0, 0), op(opClose, 0, 0))
	add("stream persistent", d, ca, op(opCreate, 0, 6, modeOpenIf, levelLease|keepPersistent, lRWH, 1), op(opRestart, 0), other, op(opCreate, 0, 6, modeOpen, levelLease|keepBackPersistent, lRWH, 1))
	add("overwritten", d, s, leased, op(peerB|opCreate, 0, 0, modeReplace, 0), op(opAck, 0), op(peerB|opCreate, 0, 0, 0, levelII), op(opCreate, 0, 6, modeReplace, 0))
	add("renamed onto", d, s, leased, op(peerB|opCreate, 0, 1, modeOpenIf, 0), op(peerB|opSetInfo, 0, 0, 9), op(opAck, 0), op(opClose, 0, 1), op(peerB|opSetInfo, 0, 0, 12|4<<4), op(peerB|opSetInfo, 0, 0, 6|3<<4))

	// Caching.
	add("lease broken", d, s, leased, other, op(opAck, 0), op(peerB|opWrite, 0, 0, 0x10), op(opAck, 0))
	add("lease version 1", 1, s, op(opCreate, 0, 0, modeOpenIf, levelLease1, lRWH), op(peerB|opCreate, 0, 0, modeOpen, levelLease1, lRH|1),
		op(opAck, 0), op(opSetInfo, 0, 0, 0), op(peerB|opAck, 0))
	add("oplock broken", dialect202, s, batch, other, op(opAck, 0), op(peerB|opWrite, 0, 0, 0x10), op(opAck, 0))
	add("wrong acks", d, s, leased, other, op(opWrongAck, 0, 0x80|lRWH), op(opWrongAck, 0, 0x80|lRW), op(peerB|opWrongAck, 0, 0x80),
		op(opWrongAck, 0, 1, 0), op(opAck, 0))
	add("wrong oplock acks", d, s, batch, other, op(opWrongAck, 0, 2, 0), op(opWrongAck, 0, 3, 0), op(opWrongAck, 0, 1, 0))
	add("break without answer", d, s, leased, other, op(opSleep, 4), op(opAck, 0))
	add("break ends by close", d, s, batch, other, op(opClose, 0, 0))
	add("break ends by cut", d, s, leased, other, op(opCut))
	add("waiting open canceled", d, s, leased, other, op(peerB|opCancel, 0, 0), op(opAck, 0))
	add("waiting open logged off", d, s, leased, other, op(peerB|opLogoff, 0), op(opAck, 0))
	add("waiting open in a compound", d, s, leased, op(peerB|opCommand, howMore, 13, 0), op(peerB|opCreate, howMore, 0, modeOpen, 0),
		op(peerB|opWrite, howRelated|howMore, 255, 0x10), op(peerB|opClose, howRelated, 255), op(peerB|opCancel, 0, 0), op(opAck, 0))
	echo := op(peerB|opCommand, howMore, 13, 0)
	known := op(peerB|opCommand, 0, 13, 0)
	add("waiting open canceled before it waits", d, s, leased, known, op(opFault, 2), echo, other, op(peerB|opCancel, 0, 0), op(opSleep, 3), op(opAck, 0))
	add("waiting open announced before it waits", d, s, leased, known, op(opFault, 3), echo, other, op(opSleep, 3), op(opSleep, 3), op(opAck, 0), op(opSleep, 3))
	add("waiting open cut before it waits", d, s, leased, known, op(opFault, 2), echo, other, op(peerB|opCut), op(opSleep, 3), op(opAck, 0))
	add("waiting open, two channels", d, s, op(peerB|opCreate, 0, 0, modeOpenIf, levelLease, lRWH), op(opCommand, 0, 13, 0), op(peerJoins|opCommand, 0, 13, 0),
		op(racing|opCreate, 0, 0, modeOpen, levelLease|keepDurable2, lRWH|1, 1), op(peerJoins|opCreate, howReplay, 0, modeOpen, levelLease|keepDurable2, lRWH|1, 1), op(opCut), op(peerB|opAck, 0),
		op(peerJoins|opCreate, howReplay, 0, modeOpen, levelLease|keepDurable2, lRWH|1, 1))
	add("break over two channels", d, s, leased, op(peerJoins|opCommand, 0, 13, 0), other, op(opCut), op(peerJoins|opAck, 0))
	add("break to a stuck channel", d, s, leased, op(peerJoins|opCommand, 0, 13, 0), op(opHold), op(racing|opCommand, 0, 13, 0), op(racing|opCommand, 0, 13, 0),
		other, op(opSleep, 3), op(peerJoins|opAck, 0), op(opSleep, 4), op(opRelease))
	add("directory lease", d, s, op(opCreate, 0, 2, modeOpen|modeRead|modeDir, levelLease, lRH|1), op(opCreate, 0, 3, modeOpenIf, levelUnder, lRWH|2|1<<2),
		op(peerB|opCreate, 0, 4, modeCreate, 0), op(opAck, 0), op(peerB|opSetInfo, 0, 0, 1|7<<4), op(opAck, 0))
	add("lease shared, upgraded", d, s, op(opCreate, 0, 0, modeOpenIf, levelLease, lR), op(opCreate, 0, 0, modeOpen, levelLease, lRWH),
		op(opCreate, 0, 1, modeOpenIf, levelLease, lRWH), op(peerA2|opCreate, 0, 0, modeOpen, levelLease1, lRWH))
	add("rename below a handle", d, s, op(opCreate, 0, 3, modeOpenIf, levelLease, lRWH), op(peerB|opCreate, 0, 2, modeOpen|modeDir, 0),
		op(peerB|opSetInfo, 0, 0, 1|7<<4), op(opAck, 0), op(opClose, 0, 1))
	add("share modes and a break", d, s, op(opCreate, 0, 0, modeOpenIf|modeAlone, levelBatch), other, op(opClose, 0, 0))

	// What outlives connections.
	add("durable", d, s, durable, op(opLock, 0, 0, 4), op(opCut), op(opCreate, 0, 0, modeOpen, levelBatch|keepBack, 0), op(opClose, 0, 0))
	add("durable 2", d, s, durable2, op(opCut), back2, op(opWrite, 0, 0, 0x10))
	add("durable after logoff", d, s, durable2, op(opLogoff, 0), op(opLogon, 3), op(opTree, 0, s), back2)
	add("durable after another logon", d, s, durable2, op(opReconnect), back2)
	add("durable and previous", d, s, durable2, op(peerA2|opLogon, 4), op(peerA2|opCommand, 0, 13, 0), op(peerA2|opLogon, 4), op(peerA2|opTree, 0, s),
		op(peerA2|opCreate, 0, 0, modeOpen, levelLease|keepBack2, lRWH, 1))
	add("durable in vain", d, s, durable2, op(opCut), op(opSleep, 5), back2)
	add("durable and a conflict", d, s, durable2, op(opCut), other, back2)
	add("durable of another user", d, s, durable2, op(opCut), op(peerB|opCreate, 0, 0, modeOpen, levelLease|keepBack2, lRWH, 1))
	add("durable still there", d, s, durable2, op(peerA2|opCreate, 0, 0, modeOpen, levelLease|keepBack2, lRWH, 1))
	add("durable to delete", d, s, op(opCreate, 0, 0, modeOpenIf|modeDelete, levelBatch|keepDurable2, 1), op(opCut), op(opSleep, 5), batch)
	add("durable and breaking", d, s, durable2, other, op(opCut), op(opSleep, 1), back2)
	add("durable limits", d|setupTight, s, durable, op(opCreate, 0, 1, modeOpenIf, levelBatch|keepDurable), op(opCreate, 0, 3, modeOpenIf, levelBatch|keepDurable),
		op(opCreate, 0, 4, modeOpenIf, levelBatch|keepDurable), op(opCut), op(opSleep, 1), op(opCreate, 0, 4, modeOpen, levelBatch|keepBack, 0))
	add("resilient", d, s, op(opCreate, 0, 0, modeOpenIf, 0), op(opResilient, 0, 0, 2), op(opLock, 0, 0, 0x44, 0x11), op(opLock, 0, 0, 0x44, 0x11),
		op(opCut), other, op(opCreate, 0, 0, modeOpen, keepBack, 1<<2), op(opLock, 0, 0, 0x44, 0x11), op(opSleep, 4))
	add("resilient and over", d, s, op(opCreate, 0, 0, modeOpenIf, 0), op(opResilient, 0, 0, 1), op(opCut), op(opSleep, 4), other)
	for _, how := range []byte{0, 1} {
		add(fmt.Sprint("persistent ", how), d, ca, persistent, op(opLock, 0, 0, 0x44, 0x12), op(opRestart, how), other,
			backPersistent, op(opLock, 0, 0, 0x44, 0x12), op(opWrite, 0, 0, 0x10), op(opClose, 0, 0))
		add(fmt.Sprint("persistent and breaking ", how), d, ca, persistent, other, op(opRestart, how), op(opSleep, 4), backPersistent, other, op(opAck, 0))
		add(fmt.Sprint("persistent and gone ", how), d, ca, persistent, op(opSetInfo, 0, 0, 1|1<<4), op(opSetInfo, 0, 0, 0), op(opRestart, how), op(opSleep, 6), other)
	}
	add("persistent, store fails", d, ca, op(opFault, 4), persistent, op(opFault, 0), persistent, op(opFault, 4), op(opLock, 0, 0, 0x44, 0x12), op(opSetInfo, 0, 0, 0),
		op(opFault, 0), op(opRestart, 0), backPersistent)
	add("persistent, rename fails late", d, ca, persistent, op(opFault, 8), op(opSetInfo, 0, 0, 1|1<<4), op(opRestart, 0), backPersistent)
	add("persistent, waits go on", d, ca, persistent, op(opCut), other, op(opSleep, 3), backPersistent, op(opAck, 0), op(opSleep, 4))
	add("replay", d, ca, persistent, op(opCreate, howReplay, 0, modeOpenIf, levelLease|keepPersistent, lRWH, 1), op(opCut),
		op(opCreate, howReplay, 0, modeOpenIf, levelLease|keepPersistent, lRWH, 1), op(opCreate, 0, 0, modeOpenIf, levelLease|keepPersistent, lRWH, 1))
	add("replay on another channel", d, s, durable2, op(peerJoins|opCreate, howReplay, 0, modeOpenIf, levelLease|keepDurable2, lRWH, 1),
		op(peerJoins|opWrite, howReplay|howLater, 0, 0x10), op(opWrite, howEarlier, 0, 0x10), op(peerJoins|opCreate, howReplay, 1, modeOpenIf, levelLease|keepDurable2, lRWH, 1))
	add("replay races", d, s, op(opFault, 2), op(racing|opCreate, 0, 0, modeOpenIf, levelLease|keepDurable2, lRWH, 1),
		op(racing|peerJoins|opCreate, howReplay, 0, modeOpenIf, levelLease|keepDurable2, lRWH, 1), op(racing|opTreeDisconnect, 0), op(opSleep, 2))
	add("replay and the end of the tree", d, ca, op(opCommand, 0, 13, 0), op(opFault, 2), op(racing|opCreate, 0, 0, modeOpenIf, levelLease|keepPersistent, lRWH, 1), op(opTreeDisconnect, 0),
		op(racing|opCreate, howReplay, 0, modeOpenIf, levelLease|keepPersistent, lRWH, 1), op(opSleep, 3), op(opSleep, 3), op(opTree, 0, ca), persistent)
	add("locks of what is persistent", d, ca, persistent, op(opLock, 0, 0, 0x44, 0x12), op(opCreate, 0, 0, modeOpen, levelLease, lRWH), op(opLock, 0, 0, 0), op(racing|opWrite, 0, 1, 0x10), op(opRestart, 1),
		backPersistent, op(opLock, 0, 0, 0x44, 0x12), op(opLock, 0, 0, 2), op(opRestart, 0), op(opSleep, 5), op(opSleep, 6))
	add("application comes back", d, s, op(opCreate, 0, 0, modeOpenIf|modeAlone, keepDurable2|withApp, 1, 1|1<<2), op(peerB|opCreate, 0, 0, modeOpen, keepDurable2|withApp, 2, 1|1<<2),
		op(peerB|opCreate, 0, 0, modeOpen, keepDurable2|withApp, 2, 1|2<<2), op(opFlush, 0, 1))

	// Waits.
	watch := op(opCreate, 0, 2, modeOpen|modeRead|modeDir, 0)
	add("notify", d, s, watch, op(opNotify, 0, 0, 4), op(peerB|opCreate, 0, 3, modeOpenIf, 0), op(peerB|opSetInfo, 0, 0, 1|4<<4), op(opNotify, 0, 1, 0), op(opNotify, 0, 1, 8))
	add("notify canceled", d, s, watch, op(opNotify, 0, 0, 0), op(opCancel, 0, 0), op(opNotify, 0, 0, 0), op(opCancel, 0, 1))
	add("notify and close", d, s, watch, op(opNotify, 0, 0, 0), op(opClose, 0, 0), watch, op(opNotify, 0, 0, 0), op(opTreeDisconnect, 0))
	add("notify and delete", d, s, watch, op(opNotify, 0, 0, 0), op(peerB|opCreate, 0, 2, modeOpen|modeDir|modeDelete, 0), op(peerB|opClose, 0, 0))
	add("notify in compounds", d, s, op(opCreate, howMore, 2, modeOpen|modeRead|modeDir, 0), op(opNotify, howRelated, 255, 4), op(opCut))
	add("notify limits", d|setupTight, s, watch, op(racing|opNotify, 0, 0, 4), op(racing|opNotify, 0, 0, 4), op(racing|opNotify, 0, 0, 4), op(opNotify, 0, 0, 4), watch, op(opNotify, 0, 0, 4), watch, op(opNotify, 0, 0, 4))
	add("locks wait", d, s, op(opCreate, 0, 0, modeOpenIf, 0), op(opLock, 0, 0, 0), other, op(peerB|opLock, 0, 0, 0), op(peerB|opCancel, 0, 0), op(peerB|opLock, 0, 0, 0), op(opLock, 0, 1, 2), op(peerB|opLock, 0, 0, 0x84))
	add("locks and closing", d, s, op(opCreate, 0, 0, modeOpenIf, 0), op(opLock, 0, 0, 0), op(peerJoins|opCreate, 0, 0, modeOpen, 0), op(peerJoins|opLock, 0, 0, 0), op(peerJoins|opClose, 0, 0),
		op(opLock, howMore, 0, 0), op(opClose, 0, 0))
	add("pipe", d, ipc, op(opCreate, 0, 8, modeOpen, 0), op(opRead, 0, 0, 0xF0), op(opCancel, 0, 0), op(opRead, 0, 0, 0xF0), op(opWrite, 0, 0, 0xF0), op(opClose, 0, 0))
	add("slow", d, s, op(opFault, 3), batch, op(opSleep, 2), op(racing|opWrite, 0, 0, 0x10), op(opFault, 1), op(opCut), op(opSleep, 2))

	// Sessions.
	add("channels", d, s, batch, op(peerJoins|opWrite, 0, 0, 0x10), op(opCut), op(peerJoins|opFlush, 0, 0), op(opCommand, 0, 13, 0), op(peerJoins|opLogoff, 0))
	add("bind", d, s, batch, op(peerA2|opCommand, 0, 13, 0), op(peerA2|opLogon, 5), op(peerA2|opLogon, 5), op(opLogoff, 0), op(peerA2|opLogon, 5), op(peerB|opLogon, 5))
	halves := op(peerA2|opLogon, 7|8, peerA2|opLogon, 7|8, peerA2|opLogon, 1, racing|peerA2|opConclude, peerA2|opConclude)
	add("bind twice at once", d, secondDelay|s, batch, op(peerA2|opCommand, 0, 13, 0), op(peerA2|opLogoff, 0), halves, op(opSleep, 2), op(peerA2|opCommand, 0, 13, 0))
	add("bind and cut", d, secondDelay|s, batch, op(peerA2|opCommand, 0, 13, 0), op(peerA2|opLogoff, 0), halves, op(opCut), op(peerA2|opCut), op(opSleep, 2), other)
	add("logons at once", d, s, batch, op(opLogon, 7), op(opLogon, 7), op(racing|opConclude), op(racing|opConclude), op(racing|opCut))
	add("bind sealed", 2|setupSeal, s, batch, op(peerJoins|opWrite, 0, 0, 0x10), op(opLogon, 0), op(peerJoins|opLogon, 0))
	add("logon again", d, s, batch, op(opLogon, 0), op(opLogon, 1), op(opLogon, 2), op(opLogon, 6), op(opLogon, 7), op(opLook))
	add("two sessions", d, s, batch, op(opLogon, 2), op(opTree, 0, 0), op(opTree, 0, 3), op(opTree, 0, 2), op(opLogoff, 0))
	add("tight", d|setupTight, s, batch, batch, op(opCreate, 0, 1, modeOpenIf, 0), op(opCreate, 0, 3, modeOpenIf, 0), op(opCreate, 0, 4, modeOpenIf, 0), op(opCreate, 0, 5, modeOpen|modeDir|modeRead, 0),
		op(opCreate, 0, 6, modeReplace, levelII), op(opTree, 0, 1), op(opTree, 0, 1), op(opTree, 0, 1), op(opTreeDisconnect, 0))
	add("look", d|setupSameUser, s, durable2, op(peerB|opCreate, 0, 1, modeOpenIf|modeStat, 0), op(opCut), op(opLook), op(opRestart, 0))
	add("encrypted share", d|setupSeal, 3, leased, op(peerB|opCreate, 0, 0, modeOpen|modeRead, 0), op(opAck, 0), op(opReconnect), op(opQueryDir, 0, 0, 255))
	return list
}

// TestFuzzSeeds plays the seeds under their names.
func TestFuzzSeeds(t *testing.T) {
	for _, x := range fuzzSeeds() {
		t.Run(x.name, func(t *testing.T) { play(t, x.script) })
	}
}
