package outbox

import (
	"encoding/json"
	"fmt"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
)

// Outcome builds the event command.settled for a row. It lies on the target record's stream and under its key; while
// no target is known, on the source's. o says what happened; whose command it was is taken from the row.
func Outcome(vault eventstore.Vault, row Row, o domain.Outcome, id ulid.ULID) (eventstore.NewEvent, error) {
	o.Command, o.Contact, o.Kind, o.System = row.Command, row.Contact, row.Kind, row.System
	if o.Record.IsZero() {
		o.Record = row.Record
	}
	stream := o.Record.Stream()
	if stream == "" {
		stream = row.Source.Stream()
	}
	data, err := json.Marshal(o)
	if err != nil {
		return eventstore.NewEvent{}, fmt.Errorf("outcome of %s: a value is not JSON", row.Command)
	}
	return eventstore.NewEvent{
		ID: id, Stream: stream, Type: domain.CommandSettled, Schema: domain.SchemaOf(domain.CommandSettled),
		OccurredAt: o.Clock, Actor: "duolog", Causation: row.Input, Subject: stream, Data: data,
		Key: vault.Blind("outcome", row.Command.String()+"/"+o.Attempt.String()),
	}, nil
}
