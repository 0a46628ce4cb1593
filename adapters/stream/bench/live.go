package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
)

// Latency is how soon followers hear of a commit, in milliseconds: the median of the rounds. It is from when the append
// returned until a follower's read returned with the event, by the machine's clock: each follower has a connection of its
// own, and all of them are a process of their own.
type Latency struct {
	Followers int     `json:"followers"`
	Heard     int     `json:"heard"` // deliveries, in all rounds
	P50       float64 `json:"p50_ms"`
	P99       float64 `json:"p99_ms"`
	Max       float64 `json:"max_ms"` // of all rounds
	// CPU is the processor's time of this process, which commits and serves, for each delivery, in microseconds; 0 when it
	// is not known.
	CPU float64 `json:"cpu_us"`
}

// followed measures one follower and many, in turns: what else happens on the machine then disturbs both alike.
func (c Config) followed(ctx context.Context, feed string) (all []Latency, ratio float64, err error) {
	rounds := map[int][]Latency{}
	counts := []int{1, c.Followers}
	for range c.Rounds {
		for _, followers := range counts {
			l, err := c.live(ctx, feed, followers)
			if err != nil {
				return nil, 0, fmt.Errorf("%d followers: %w", followers, err)
			}
			rounds[followers] = append(rounds[followers], l)
		}
	}
	for _, followers := range counts {
		all = append(all, together(rounds[followers]))
	}
	return all, all[1].P99 / max(all[0].P99, 0.001), nil
}

func together(rounds []Latency) Latency {
	l := Latency{
		Followers: rounds[0].Followers,
		P50:       median(rounds, func(l Latency) float64 { return l.P50 }),
		P99:       median(rounds, func(l Latency) float64 { return l.P99 }),
		CPU:       median(rounds, func(l Latency) float64 { return l.CPU }),
	}
	for _, r := range rounds {
		l.Heard += r.Heard
		l.Max = max(l.Max, r.Max)
	}
	return l
}

func median(rounds []Latency, of func(Latency) float64) float64 {
	values := make([]float64, len(rounds))
	for i, r := range rounds {
		values[i] = of(r)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// live has so many followers listen while events are committed one by one.
func (c Config) live(ctx context.Context, feed string, followers int) (Latency, error) {
	head, err := c.Log.Head(ctx)
	if err != nil {
		return Latency{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute+time.Duration(c.Commits)*c.Every)
	defer cancel()
	f, err := c.follow(ctx, request{Feed: feed, Followers: followers, After: head.Position, Last: head.Position + int64(c.Commits)})
	if err != nil {
		return Latency{}, err
	}
	var began time.Duration
	if c.CPUTime != nil {
		began = c.CPUTime()
	}
	committed := make([]int64, c.Commits)
	tick := time.NewTicker(c.Every)
	defer tick.Stop()
	for i := range committed {
		<-tick.C
		if committed[i], err = c.commit(ctx); err != nil {
			break
		}
	}
	heard, failed := f.end(err == nil)
	if err = errors.Join(err, failed); err != nil {
		return Latency{}, err
	}
	l := latency(committed, heard)
	if c.CPUTime != nil {
		l.CPU = float64((c.CPUTime() - began).Microseconds()) / float64(max(l.Heard, 1))
	}
	return l, nil
}

// commit returns when that was.
func (c Config) commit(ctx context.Context) (at int64, err error) {
	_, err = c.Log.Append(ctx, eventstore.NewEvent{
		ID: ulid.Make(), Stream: "hubspot/contact/1", Type: domain.RecordUpdated, Schema: 1, Actor: "bench",
		Subject: "hubspot/contact/1", Data: []byte(`{"via":"webhook","properties":{"city":"Springfield"},"clock":1}`),
	})
	return time.Now().UnixNano(), err
}

func latency(committed []int64, heard [][]int64) Latency {
	var all []float64
	for _, times := range heard {
		for i, at := range times {
			all = append(all, max(float64(at-committed[i])/float64(time.Millisecond), 0))
		}
	}
	slices.Sort(all)
	l := Latency{Followers: len(heard), Heard: len(all)}
	if n := len(all); n > 0 {
		l.P50, l.P99, l.Max = all[n/2], all[n*99/100], all[n-1]
	}
	return l
}
