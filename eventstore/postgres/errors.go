package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/internal/engine"
)

// translate marks errors that mean the server cannot be reached or is going away, or refuses the role.
func translate(err error) error {
	if pe := (*pgconn.PgError)(nil); errors.As(err, &pe) && pe.Code == noRight {
		return refusal(pe.Message)
	}
	return engine.MarkUnavailable(engine.MarkDisk(engine.MarkClosed(err), disk), unavailable)
}

// noRight is what a role reads that may not do something.
const noRight = "42501"

// refusal is an error of the role's rights, with what the server says of it. Nobody is helped by what it was wrapped in.
type refusal string

func (r refusal) Error() string { return eventstore.ErrRights.Error() + ": " + string(r) }

func (r refusal) Unwrap() []error { return []error{eventstore.ErrRights, eventstore.ErrUnavailable} }

// disk tells errors of a server whose disk is full, or fails.
func disk(err error) bool {
	var pe *pgconn.PgError
	return errors.As(err, &pe) && (pe.Code == "53100" || pe.Code == "58030")
}

// idleTimeout is what a process reads that stood still inside a transaction until the server ended it.
const idleTimeout = "25P03"

func unavailable(err error) bool {
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		// Connection exceptions, resources (too many connections, disk full), and shutdown or start of the server.
		return strings.HasPrefix(pe.Code, "08") || strings.HasPrefix(pe.Code, "53") ||
			strings.HasPrefix(pe.Code, "57P") || pe.Code == idleTimeout
	}
	// The caller's own deadline says nothing of the server; a failure to connect within its own does.
	var ce *pgconn.ConnectError
	if errors.As(err, &ce) {
		return !errors.Is(err, context.Canceled)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	var ne net.Error
	return errors.As(err, &ne) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || strings.Contains(err.Error(), "closed pool") || pgconn.SafeToRetry(err) ||
		strings.Contains(err.Error(), "conn closed")
}

func (d *driver) Classify(err error) engine.Class {
	if errors.Is(err, eventstore.ErrClosed) || errors.Is(err, eventstore.ErrRights) {
		return engine.Other
	}
	if errors.Is(err, eventstore.ErrUnavailable) {
		return engine.Unavailable
	}
	var pe *pgconn.PgError
	if !errors.As(err, &pe) {
		return engine.Other
	}
	switch pe.Code {
	case "23505":
		return engine.Unique
	case "40001", "40P01":
		return engine.Retry
	}
	return engine.Other
}
