package adapters

import (
	"context"
	"time"
)

// Late reports whether ctx's deadline has passed; ask right before each request is sent. The context itself tells only
// once its timer has run, and a process that stood still goes on before that. Both clocks count: the monotonic one
// stands still while a machine sleeps.
func Late(ctx context.Context) bool {
	at, ok := ctx.Deadline()
	now := time.Now()
	return ok && (!now.Before(at) || !now.Round(0).Before(at.Round(0)))
}
