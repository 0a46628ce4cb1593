package dispatch

import (
	"sync"
	"time"
)

// strideTime is how long a batch may take that goes out request by request: its records wait for it, and so does whoever
// stops the sync. It is a small part of an attempt's time, so that a system that slows down suddenly leaves few without
// an answer.
const strideTime = time.Second

// stride is how many requests make a batch for a system that takes them one at a time. A batch costs two transactions
// whatever its size, so it is as large as what lately was answered within strideTime.
type stride struct {
	most int

	mu  sync.Mutex
	now int // 0: nothing was measured
}

func (s *stride) length() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return min(max(s.now, 1), s.most)
}

// took learns how many of the requests of a batch were answered, and how long that took. Only a full batch makes it
// longer, and by little: what a system can bear is known of what was asked of it.
func (s *stride) took(asked, answered int, meanwhile time.Duration) {
	fit := s.most
	if meanwhile > 0 {
		fit = int(min(float64(answered)*float64(strideTime)/float64(meanwhile), float64(s.most)))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := max(s.now, 1)
	switch {
	case fit < now && asked > fit:
		s.now = max(fit, 1)
	case asked >= now:
		s.now = min(fit, 2*now)
	}
}
