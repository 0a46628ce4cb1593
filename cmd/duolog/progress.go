package main

import (
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// lineEvery is how often progress is told where there is no terminal to draw a bar on.
const lineEvery = 5 * time.Second

// meter shows how far long work has come: a bar on a terminal, elsewhere a line every few seconds.
type meter struct {
	c    *cli
	what string
	unit string

	mu    sync.Mutex
	began time.Time
	said  time.Time
	bars  *mpb.Progress
	bar   *mpb.Bar
}

// meter starts one, on stderr; what is the work, unit its things in the plural.
func (c *cli) meter(what, unit string) *meter {
	m := &meter{c: c, what: what, unit: unit, began: time.Now(), said: time.Now()}
	if isTerminal(c.err) && !c.json {
		m.bars = mpb.New(mpb.WithOutput(c.err), mpb.WithWidth(40))
	}
	return m
}

// set tells how much of the total is done; it may be called concurrently.
func (m *meter) set(done, total int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.bars == nil {
		m.line(done, total)
		return
	}
	if m.bar == nil {
		m.bar = m.bars.AddBar(total,
			mpb.PrependDecorators(decor.Name(m.what+"  "), decor.CountersNoUnit("%d / %d")),
			mpb.AppendDecorators(decor.Percentage(), decor.Name("  "), decor.AverageSpeed(0, "%.0f/s"),
				decor.Name("  "), decor.AverageETA(decor.ET_STYLE_GO)))
	}
	m.bar.SetTotal(total, false)
	m.bar.SetCurrent(done)
}

func (m *meter) line(done, total int64) {
	if time.Since(m.said) < lineEvery {
		return
	}
	m.said = time.Now()
	rate := float64(done) / time.Since(m.began).Seconds()
	eta := ""
	if left := total - done; rate > 0 && left > 0 {
		eta = ", " + time.Duration(float64(left)/rate*float64(time.Second)).Round(time.Second).String() + " left"
	}
	m.c.note("%s: %s of %s %s, %.0f/s%s\n", m.what, number(done), number(total), m.unit, rate, eta)
}

// done ends the bar.
func (m *meter) done() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.bars == nil {
		return
	}
	if m.bar != nil {
		m.bar.EnableTriggerComplete()
		m.bar.SetTotal(-1, true)
	}
	m.bars.Wait()
}
