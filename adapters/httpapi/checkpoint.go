package httpapi

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/duolog/duolog/eventstore"
)

// checkpoint is how far a consumer has read: a position in a generation of the log. Generation 0 is the present one.
type checkpoint struct {
	generation int64
	position   int64
}

// parseCheckpoint reads "position" or "generation:position"; the empty text is the beginning.
func parseCheckpoint(s string) (checkpoint, error) {
	var c checkpoint
	if s == "" {
		return c, nil
	}
	gen, pos, both := strings.Cut(s, ":")
	if !both {
		gen, pos = "", s
	}
	var ok bool
	if c.position, ok = count(pos); !ok {
		return c, badCheckpoint()
	}
	if both {
		if c.generation, ok = count(gen); !ok || c.generation == 0 {
			return c, badCheckpoint()
		}
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

func badCheckpoint() error {
	p := problem(http.StatusBadRequest, "the checkpoint cannot be read")
	p.Errors = []Fault{{Location: "query.after", Message: "want a position, or generation:position"}}
	return p
}

func (c checkpoint) String() string { return fmt.Sprintf("%d:%d", c.generation, c.position) }

// on checks the checkpoint against the log's head and returns the position to read after. One of another generation
// counts positions that were restored away since, and one past the end was never given out: both are told where to
// go on, from where nothing can be missed.
func (c checkpoint) on(head eventstore.Head) (int64, error) {
	var p *Problem
	switch {
	case c.generation != 0 && c.generation != head.Generation:
		p = problem(http.StatusConflict, fmt.Sprintf("this log is in generation %d: positions of generation %d may be "+
			"other events now; read again from the start and skip the event ids you have", head.Generation, c.generation))
		p.ContinueAfter = checkpoint{head.Generation, 0}.String()
	case c.position > head.Position:
		p = problem(http.StatusConflict, fmt.Sprintf("the log ends at position %d, before this checkpoint", head.Position))
		p.ContinueAfter = checkpoint{head.Generation, head.Position}.String()
	default:
		return c.position, nil
	}
	return 0, p
}
