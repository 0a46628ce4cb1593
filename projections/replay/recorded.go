package replay

import (
	"cmp"
	"fmt"
	"iter"
	"slices"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/eventstore"
)

// recorded are the decisions on one input, in order. An act that opens a sync leads to one for everybody who waited for
// it: those that are too many to be held are read from the log again.
type recorded struct {
	near []eventstore.Event
	far  map[ulid.ULID]int64 // the positions of those that are not held
}

// again reads from the log what follows a position.
type again func(after int64, limit int) ([]eventstore.Event, error)

// againPage is how many events are read again at once.
const againPage = 500

func (r *recorded) add(e eventstore.Event, atMost int) {
	if len(r.near) < atMost && len(r.far) == 0 {
		r.near = append(r.near, e)
		return
	}
	r.leave(e)
}

// leave holds no more of an event than where it stands.
func (r *recorded) leave(e eventstore.Event) {
	if r.far == nil {
		r.far = map[ulid.ULID]int64{}
	}
	r.far[e.ID] = e.Position
}

// take removes the decision of an id, if there is one, and returns it.
func (r *recorded) take(id ulid.ULID, read again) (e eventstore.Event, ok bool, err error) {
	at, far := r.far[id]
	if far {
		if err := r.fetch(at, read); err != nil {
			return e, false, err
		}
	}
	i := slices.IndexFunc(r.near, func(e eventstore.Event) bool { return e.ID == id })
	switch {
	case i < 0 && far:
		return e, false, gone(at)
	case i < 0:
		return e, false, nil
	}
	if e = r.near[i]; i == 0 {
		r.near = r.near[1:]
	} else {
		r.near = slices.Delete(r.near, i, i+1) // it clears what it frees
	}
	return e, true, nil
}

func gone(at int64) error {
	return fmt.Errorf("the decision at %d was there and is not any more: has the log been put back? start again", at)
}

// fetch reads a decision and those that follow, which are asked for next as a rule.
func (r *recorded) fetch(at int64, read again) error {
	if n := len(r.near); n > 2*againPage {
		for _, e := range r.near[:n/2] {
			r.leave(e)
		}
		r.near = slices.Clone(r.near[n/2:])
	}
	events, err := read(at-1, againPage)
	for _, e := range events {
		if _, ok := r.far[e.ID]; ok {
			r.near = append(r.near, e)
			delete(r.far, e.ID)
		}
	}
	return err
}

// rest takes what is left, in order.
func (r *recorded) rest(read again) iter.Seq2[eventstore.Event, error] {
	return func(yield func(eventstore.Event, error) bool) {
		for _, m := range r.left() {
			e, ok, err := r.take(m.id, read)
			if err == nil && !ok {
				err = gone(m.at)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// mark is where a decision stands.
type mark struct {
	id ulid.ULID
	at int64
}

// left says which they are.
func (r *recorded) left() (all []mark) {
	for _, e := range r.near {
		all = append(all, mark{e.ID, e.Position})
	}
	for id, at := range r.far {
		all = append(all, mark{id, at})
	}
	slices.SortFunc(all, func(a, b mark) int { return cmp.Compare(a.at, b.at) })
	return all
}
