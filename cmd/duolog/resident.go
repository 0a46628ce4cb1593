package main

import (
	"bytes"
	"math"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"time"
)

// What the Go runtime may hold, bytes. It is soft: near it, the collector works harder. Several projections that are rebuilt
// together each have their rows, and there are more pages on their way.
const (
	rebuildMemory  = 226 << 20
	togetherMemory = 400 << 20
	decidingMemory = 400 << 20
	// embeddedMemory is what SQLite holds in this process beside the runtime while rows are folded into it.
	embeddedMemory = 14 << 20
)

// gcPercent lets garbage grow to what the limit allows: collecting at the double of what is held, as usual, takes a tenth
// of a rebuild's time.
const gcPercent = 400

// rebuildingMemory is the limit for so many rebuilds at once.
func rebuildingMemory(backend string, projections int) int64 {
	limit := int64(rebuildMemory)
	if projections > 1 {
		limit = togetherMemory
	}
	if backend == "sqlite" {
		limit -= embeddedMemory
	}
	return limit
}

// boundMemory sets the limit, unless GOMEMLIMIT set one, and makes use of it; what it returns takes both back.
func boundMemory(limit int64) (undo func()) {
	before := debug.SetMemoryLimit(-1)
	if before < math.MaxInt64 {
		return func() {}
	}
	debug.SetMemoryLimit(limit)
	percent := debug.SetGCPercent(gcPercent)
	return func() {
		debug.SetMemoryLimit(before)
		debug.SetGCPercent(percent)
	}
}

// watchResident runs do and returns the most memory the process held meanwhile, in bytes: what Linux says was
// resident, elsewhere what the Go runtime had from the system.
func watchResident(do func() error) (int64, error) {
	debug.FreeOSMemory() // what came before is not to count
	if os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) == nil {
		if _, ok := peakResident(); ok {
			err := do()
			peak, _ := peakResident()
			return peak, err
		}
	}
	stop, peak := make(chan struct{}), make(chan int64)
	go func() { peak <- sampleRuntime(stop) }()
	err := do()
	close(stop)
	return <-peak, err
}

// peakResident is the high-water mark since it was set back last.
func peakResident() (int64, bool) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, false
	}
	_, rest, ok := bytes.Cut(status, []byte("VmHWM:"))
	number, _, _ := bytes.Cut(rest, []byte("kB"))
	kib, err := strconv.ParseInt(string(bytes.TrimSpace(number)), 10, 64)
	return kib << 10, ok && err == nil
}

func sampleRuntime(stop <-chan struct{}) (peak int64) {
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		metrics.Read(sample)
		peak = max(peak, int64(sample[0].Value.Uint64()-sample[1].Value.Uint64()))
		select {
		case <-stop:
			return peak
		case <-tick.C:
		}
	}
}
