package httpapi

// What Server adds to a handler, for tests that serve it by themselves.
var (
	Known    = known
	WithPeer = withPeer
)
