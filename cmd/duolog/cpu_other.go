//go:build !unix

package main

import "time"

// cpuTime is how long the process has used a processor: not known here.
func cpuTime() time.Duration { return 0 }
