package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
)

// States of a row.
const (
	// Waiting for its turn, or for its next try.
	Waiting = "waiting"
	// Sending: an attempt was recorded; until its deadline nobody knows what became of it.
	Sending = "sending"
	// Dead: the tries ran out. It blocks nothing and waits for a person.
	Dead = "dead"
	// Orphaned is none of a row: of a command that was decided and has neither a row nor an outcome.
	Orphaned = "orphaned"
)

// never is the next_at of a dead row, µs; firstInLine that of an urgent one as long as it is not dead, so that it stands
// before all others also after a try that failed: its deadline says when it may be tried again.
const (
	never       = math.MaxInt64
	firstInLine = int64(0)
)

var columns = []eventstore.Column{
	{Name: "connection", Kind: eventstore.Text},
	{Name: "command", Kind: eventstore.Text},
	{Name: "system", Kind: eventstore.Text},
	{Name: "lane", Kind: eventstore.Text},
	{Name: "input", Kind: eventstore.Int},
	{Name: "kind", Kind: eventstore.Text},
	{Name: "contact", Kind: eventstore.Text},
	{Name: "record", Kind: eventstore.Text},
	{Name: "source", Kind: eventstore.Text},
	{Name: "urgent", Kind: eventstore.Int},
	{Name: "state", Kind: eventstore.Text},
	{Name: "attempts", Kind: eventstore.Int},
	{Name: "sent", Kind: eventstore.Int},
	{Name: "attempt", Kind: eventstore.Text},
	{Name: "epoch", Kind: eventstore.Int},
	{Name: "deadline", Kind: eventstore.Int},
	{Name: "next_at", Kind: eventstore.Int},
	{Name: "created_at", Kind: eventstore.Int},
	{Name: "subject", Kind: eventstore.Text},
	{Name: "payload", Kind: eventstore.Bytes},
	{Name: "error", Kind: eventstore.Text},
}

// selected are the columns a row is read with, in the order of scan.
const selected = `command, system, input, kind, contact, record, source, urgent, state, attempts, sent, attempt, deadline,
	next_at, created_at, subject, payload, error`

// Entry is a row as it lies in the outbox: its payload is sealed.
type Entry struct {
	Row
	State    string
	Attempts int       // tries so far that count
	Sent     int       // tries so far by which it may have been sent
	Attempt  ulid.ULID // the last try, zero before the first
	Deadline int64     // when the last try is over, µs UTC
	NextAt   int64     // not tried before, µs UTC
	Created  int64     // µs UTC
	Error    string    // why the last try failed: "<class>: <detail>", without personal values
	Subject  string    // whose key seals the payload
	sealed   []byte
}

// Classes of the failure a row last met.
const (
	ClassRetry        = "retry"
	ClassThrottled    = "throttled"
	ClassUnauthorized = "unauthorized"
	ClassPanic        = "panic"
)

// Class is the first word of Error, empty when no try failed.
func (e Entry) Class() string {
	class, _, _ := strings.Cut(e.Error, ":")
	return class
}

// InDoubt reports a create that may have been sent: whether it was carried out is not known.
func (e Entry) InDoubt() bool { return e.Kind == domain.KindCreate && e.Sent > 0 }

func scan(r eventstore.Rows) (Entry, error) {
	var e Entry
	var command, system, contact, record, source, attempt string
	var attempts, sent, urgent int64
	err := r.Scan(&command, &system, &e.Input, &e.Kind, &contact, &record, &source, &urgent, &e.State, &attempts,
		&sent, &attempt, &e.Deadline, &e.NextAt, &e.Created, &e.Subject, &e.sealed, &e.Error)
	if err != nil {
		return e, fmt.Errorf("read an outbox row: %w", err)
	}
	e.System, e.Attempts, e.Sent, e.Urgent = domain.System(system), int(attempts), int(sent), urgent != 0
	if e.Urgent {
		e.NextAt = max(e.NextAt, e.Deadline)
	}
	if record != "" {
		e.Record = domain.Record{System: e.System, ID: record}
	}
	ids := []error{parse(&e.Command, command), parse(&e.Contact, contact), parse(&e.Attempt, attempt)}
	return e, errors.Join(append(ids, e.Source.UnmarshalText([]byte(source)))...)
}

func parse(id *ulid.ULID, text string) error {
	if text == "" {
		return nil
	}
	got, err := ulid.ParseStrict(text)
	if err != nil {
		return fmt.Errorf("id %q in the outbox: %w", text, err)
	}
	*id = got
	return nil
}

func texts(ids []ulid.ULID) []string {
	all := make([]string, len(ids))
	for i, id := range ids {
		all[i] = id.String()
	}
	return all
}

// Open unseals the payloads of the entries, in one round trip for the keys. An entry whose subject was erased fails
// alone: its error, eventstore.ErrErased, is returned under its command.
func Open(ctx context.Context, vault eventstore.Vault, entries []*Entry) (map[ulid.ULID]error, error) {
	subjects := make([]string, len(entries))
	for i, e := range entries {
		subjects[i] = e.Subject
	}
	if err := vault.Prefetch(ctx, subjects...); err != nil && !errors.Is(err, eventstore.ErrErased) {
		return nil, fmt.Errorf("load the keys of outbox rows: %w", err)
	}
	failed := map[ulid.ULID]error{}
	for _, e := range entries {
		plain, err := vault.Open(ctx, e.Subject, purpose(e.Command), e.sealed)
		switch {
		case errors.Is(err, eventstore.ErrErased):
			failed[e.Command] = err
		case err != nil:
			return nil, fmt.Errorf("open command %s: %w", e.Command, err)
		default:
			if err := json.Unmarshal(plain, &e.Payload); err != nil {
				return nil, fmt.Errorf("read command %s: not the payload's form", e.Command)
			}
		}
	}
	return failed, nil
}

// purpose binds a sealed payload to its row.
func purpose(command ulid.ULID) string { return "outbox/" + command.String() }
