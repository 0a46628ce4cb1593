package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
)

// checkpoint is how far a consumer has read: a position in a generation of a log. No log, and generation 0, are the
// present ones.
type checkpoint struct {
	log        string
	generation int64
	position   int64
}

// parseCheckpoint reads "position", "generation:position" or "log:generation:position"; the empty text is the
// beginning.
func parseCheckpoint(s string) (c checkpoint, err error) {
	if s == "" {
		return c, nil
	}
	parts := strings.Split(s, ":")
	if len(parts) > 3 {
		return checkpoint{}, errCheckpoint
	}
	var ok bool
	if c.position, ok = count(parts[len(parts)-1]); !ok {
		return checkpoint{}, errCheckpoint
	}
	if len(parts) > 1 {
		if c.generation, ok = count(parts[len(parts)-2]); !ok || c.generation == 0 {
			return checkpoint{}, errCheckpoint
		}
	}
	if len(parts) > 2 {
		id, err := ulid.ParseStrict(parts[0])
		if err != nil {
			return checkpoint{}, errCheckpoint
		}
		c.log = id.String()
	}
	return c, nil
}

// count reads digits only: no sign, no space, nothing beyond 63 bits.
func count(s string) (int64, bool) {
	if strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

var errCheckpoint = errors.New("want a position, generation:position or log:generation:position")

// badCheckpoint answers a request that holds one there.
func badCheckpoint(where string) error {
	p := problem(http.StatusBadRequest, "the checkpoint cannot be read")
	p.Errors = []Fault{{Location: where, Message: errCheckpoint.Error()}}
	return p
}

func (c checkpoint) String() string {
	text := fmt.Sprintf("%d:%d", c.generation, c.position)
	if c.log != "" {
		return c.log + ":" + text
	}
	return text
}

// checkpointOf names a position of the log.
func checkpointOf(head eventstore.Head, position int64) string {
	return checkpoint{head.LogID.String(), head.Generation, position}.String()
}

// in is on for a log, which tells what of an earlier generation was kept.
func (c checkpoint) in(ctx context.Context, log eventstore.Log, head eventstore.Head) (int64, error) {
	kept, err := int64(0), error(nil)
	if c.generation != 0 && c.generation < head.Generation {
		if kept, err = keptOf(ctx, log, c.generation, head); err != nil {
			return 0, err
		}
	}
	return c.on(head, kept)
}

// keptOf is the last position of a generation that is the same event now: none was lost by the restores since. Of a
// generation that this log has not been in nothing is known: it was made of a backup, and lost with all that came of it.
func keptOf(ctx context.Context, log eventstore.Log, generation int64, head eventstore.Head) (int64, error) {
	kept, restored, been := head.Position, false, generation == firstGeneration
	for after := int64(0); ; {
		events, err := log.ReadStream(ctx, "connection", after, 500)
		if err != nil {
			return 0, err
		}
		if len(events) == 0 {
			break
		}
		after = events[len(events)-1].Position
		for _, e := range events {
			var act domain.Act
			if e.Type != domain.LogRestored || domain.Decode(e.Type, e.Schema, e.Data, &act) != nil || act.Restored == nil {
				continue
			}
			if act.Restored.Generation > generation {
				kept, restored = min(kept, act.Restored.Kept), true
			}
			been = been || act.Restored.Generation == generation
		}
	}
	if !restored || !been {
		return 0, nil
	}
	return kept, nil
}

// firstGeneration is that of a log which was never restored.
const firstGeneration = 1

// on checks the checkpoint against the log's head and returns the position to read after. One of another log or
// generation may count positions that are other events here, and one past the end was never given out: all are told
// where to go on, from where nothing can be missed. kept is the last position of the checkpoint's generation that is the
// same event here.
func (c checkpoint) on(head eventstore.Head, kept int64) (int64, error) {
	var p *Problem
	switch {
	case c.log != "" && c.log != head.LogID.String():
		p = problem(http.StatusConflict, "this checkpoint is of another log; read this one from its start")
		p.ContinueAfter = checkpointOf(head, 0)
	case c.generation > head.Generation:
		p = problem(http.StatusConflict, fmt.Sprintf("this log is in generation %d and knows of no generation %d; read it from "+
			"its start and skip the event ids you have", head.Generation, c.generation))
		p.ContinueAfter = checkpointOf(head, 0)
	case c.generation != 0 && c.generation != head.Generation:
		p = problem(http.StatusConflict, fmt.Sprintf("this log was restored and is in generation %d: of generation %d, positions "+
			"up to %d are the same events, and later ones others; go on after continue_after and skip the event ids you have",
			head.Generation, c.generation, kept))
		p.ContinueAfter = checkpointOf(head, min(c.position, kept))
	case c.position > head.Position:
		p = problem(http.StatusConflict, fmt.Sprintf("the log ends at position %d, before this checkpoint: go on after continue_after, and see whether it is the log you followed", head.Position))
		p.ContinueAfter = checkpointOf(head, head.Position)
	default:
		return c.position, nil
	}
	return 0, p
}
