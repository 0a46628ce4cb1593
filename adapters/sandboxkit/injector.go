package sandboxkit

import (
	"net/http"
	"sync"
	"time"
)

// Injector makes an API fail, in the vendor's own shapes.
type Injector struct {
	// Failed writes the vendor's 5xx answer, Limited its 429.
	Failed  func(w http.ResponseWriter, r *http.Request, status int)
	Limited func(w http.ResponseWriter, r *http.Request)

	chance *Chance
	mu     sync.Mutex
	faults Faults
	next   []Fault
}

// Fault is one failure ordered for a coming request.
type Fault int

// The failures that can be ordered with Next.
const (
	FailBefore Fault = iota // 5xx, nothing happened
	FailAfter               // 5xx, it was carried out
	Limit                   // 429
	Drop                    // it was carried out and the connection broke
	Pass                    // nothing goes wrong with this one
)

// NewInjector returns an injector with the faults.
func NewInjector(f Faults) *Injector {
	return &Injector{faults: f, chance: NewChance(f.Seed, "api")}
}

// Set changes the faults at run time.
func (i *Injector) Set(f Faults) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.faults = f
}

// Next orders failures for the coming requests, one each, ahead of chance.
func (i *Injector) Next(f ...Fault) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.next = append(i.next, f...)
}

// Wrap puts the injector before an API.
func (i *Injector) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fault, latency, bad := i.draw()
		if !wait(r, i.chance.Around(latency)) {
			return
		}
		if !bad {
			next.ServeHTTP(w, r)
			return
		}
		i.fail(fault, w, r, next)
	})
}

func (i *Injector) draw() (Fault, time.Duration, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.next) > 0 {
		f := i.next[0]
		i.next = i.next[1:]
		return f, i.faults.Latency, true
	}
	switch {
	case i.chance.Hit(i.faults.FailRate):
		return FailBefore, i.faults.Latency, true
	case i.chance.Hit(i.faults.FailAfterCommitRate):
		return FailAfter, i.faults.Latency, true
	}
	return 0, i.faults.Latency, false
}

func (i *Injector) fail(f Fault, w http.ResponseWriter, r *http.Request, next http.Handler) {
	switch f {
	case Limit:
		i.Limited(w, r)
		return
	case FailAfter:
		next.ServeHTTP(&sink{header: http.Header{}}, r)
	case Drop:
		next.ServeHTTP(&sink{header: http.Header{}}, r)
		panic(http.ErrAbortHandler)
	case Pass:
		next.ServeHTTP(w, r)
		return
	case FailBefore:
	}
	i.Failed(w, r, Pick(i.chance, []int{500, 502, 503, 504}))
}

// wait is false when the caller went away meanwhile.
func wait(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

// sink swallows an answer that the caller must never see.
type sink struct{ header http.Header }

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }
func (s *sink) WriteHeader(int)             {}
