package dispatch_test

import (
	"context"
	"sync"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
)

// script is a system that answers as a test says. It is the world outside: what lies between, the log, the outbox
// and the lease, is real.
type script struct {
	adapters.System
	name  domain.System
	batch int
	// write and read answer one request; n counts the calls of the system, from 1; calls may overlap.
	write func(ctx context.Context, n int, w adapters.Write) adapters.WriteAnswer
	read  func(ctx context.Context, n int, r adapters.ReadRequest) adapters.ReadAnswer

	mu      sync.Mutex
	n       int
	writes  [][]adapters.Write
	reads   [][]adapters.ReadRequest
	under   map[string]int
	overlap bool // two writes of one record were under way at once, or in one call
}

func (s *script) Name() domain.System { return s.name }

func (s *script) Capabilities() adapters.Capabilities { return adapters.Capabilities{Batch: s.batch} }

func (s *script) Write(ctx context.Context, writes []adapters.Write) []adapters.WriteAnswer {
	s.mu.Lock()
	s.n++
	n := s.n
	s.writes = append(s.writes, writes)
	s.enter(writes)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.leave(writes)
		s.mu.Unlock()
	}()
	answers := make([]adapters.WriteAnswer, len(writes))
	for i, w := range writes {
		answers[i] = s.write(ctx, n, w)
	}
	return answers
}

func (s *script) Read(ctx context.Context, reads []adapters.ReadRequest) []adapters.ReadAnswer {
	s.mu.Lock()
	s.n++
	n := s.n
	s.reads = append(s.reads, reads)
	s.mu.Unlock()
	answers := make([]adapters.ReadAnswer, len(reads))
	for i, r := range reads {
		answers[i] = s.read(ctx, n, r)
	}
	return answers
}

func target(w adapters.Write) string {
	if w.Record.IsZero() {
		return w.Contact.String()
	}
	return w.Record.Stream()
}

func (s *script) enter(writes []adapters.Write) {
	if s.under == nil {
		s.under = map[string]int{}
	}
	for _, w := range writes {
		s.under[target(w)]++
		s.overlap = s.overlap || s.under[target(w)] > 1
	}
}

func (s *script) leave(writes []adapters.Write) {
	for _, w := range writes {
		s.under[target(w)]--
	}
}

// sent lists the writes of all calls.
func (s *script) sent() []adapters.Write {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []adapters.Write
	for _, call := range s.writes {
		all = append(all, call...)
	}
	return all
}

func (s *script) calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n
}

// applied is the answer of a system that does what it is told and shows it.
func applied(w adapters.Write) adapters.WriteAnswer {
	record := w.Record
	if record.IsZero() {
		record = domain.Record{System: domain.HubSpot, ID: "made-" + w.Contact.String()}
	}
	return adapters.WriteAnswer{
		Record: record, Created: w.Create, Shows: domain.Properties(w.Values), Clock: 1, Complete: true,
	}
}
