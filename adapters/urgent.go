package adapters

import "context"

type urgentKey struct{}

// WithUrgent marks calls that wait for no rate limit of our own: a do-not-call, an opt-out.
func WithUrgent(ctx context.Context) context.Context {
	return context.WithValue(ctx, urgentKey{}, true)
}

// IsUrgent reports whether a call is marked so.
func IsUrgent(ctx context.Context) bool {
	urgent, _ := ctx.Value(urgentKey{}).(bool)
	return urgent
}
