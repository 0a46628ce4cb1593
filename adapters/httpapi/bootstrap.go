package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/duolog/duolog/adapters/stream/cloudevent"
	"github.com/duolog/duolog/projections/contacts"
)

// state returns the position a page of contacts is to show, and its name; nothing when none was asked for.
func (a *api) state(ctx context.Context, conn Connection, asOf string) (position int64, name string, err error) {
	if asOf == "" {
		return 0, "", nil
	}
	head, err := conn.Log.Head(ctx)
	if err != nil {
		return 0, "", err
	}
	if asOf == "head" {
		position, err = conn.Contacts.Checkpoint(ctx)
		return position, checkpointOf(head, position), err
	}
	at, err := parseCheckpoint(asOf)
	if err != nil {
		return 0, "", fmt.Errorf("%w: as_of is head, or the as_of of the page before", ErrBadInput)
	}
	if position, err = at.in(ctx, conn.Log, head); err == nil {
		err = a.known(ctx, conn.Contacts, position)
	}
	return position, checkpointOf(head, position), err
}

// known waits for the contacts to come to the position: a state of before, named with it, would lack what happened in
// between for ever.
func (a *api) known(ctx context.Context, c Contacts, position int64) error {
	until := time.Now().Add(a.StateWait)
	for {
		at, err := c.Checkpoint(ctx)
		if err != nil || at >= position {
			return err
		}
		if !time.Now().Before(until) {
			p := problem(http.StatusServiceUnavailable, fmt.Sprintf("contacts are known up to position %d here, not yet up to %d: "+
				"ask again in a moment, or begin with as_of=head, which is as far as they are known", at, position))
			return huma.ErrorWithHeaders(p, http.Header{"Retry-After": {retryAfter}})
		}
		select {
		case <-time.After(min(contactPoll, time.Until(until))):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// asOfPage is the page of contacts listed, as they were at the position.
func asOfPage(
	ctx context.Context, conn Connection, in *listContactsInput, list []contacts.Contact, position int64, name string,
) (*body[ContactPage], error) {
	then, err := asOf(ctx, conn.Contacts, list, position, identity(ctx).data())
	if err != nil {
		return nil, err
	}
	page := ContactPage{Contacts: some(then), AsOf: name}
	if len(list) == in.Limit {
		page.Next = list[len(list)-1].ID.String()
	}
	return &body[ContactPage]{page}, nil
}

// asOf shows contacts as they were at a position, so that all pages are of one state. A contact that did not exist then
// is left out; so is one that was merged into another since.
func asOf(ctx context.Context, c Contacts, list []contacts.Contact, position int64, data string) ([]contacts.Contact, error) {
	var all []contacts.Contact
	for _, v := range list {
		if touched(v) > position {
			then, err := c.At(ctx, v.ID, contacts.Moment{Position: position})
			if errors.Is(err, contacts.ErrNotFound) || err == nil && then.ID != v.ID { // another one then, with its own turn
				continue
			}
			if err != nil {
				return nil, err
			}
			v = then
		}
		all = append(all, shown(v, data))
	}
	return all, nil
}

// touched is the last position anything of the contact is of.
func touched(c contacts.Contact) int64 {
	last := c.Position
	for _, r := range c.Records {
		for _, v := range r.Values {
			last = max(last, v.Position)
		}
	}
	for _, f := range c.Fields {
		last = max(last, f.Position)
	}
	return last
}

// shown leaves of a contact's values what its reader may see.
func shown(c contacts.Contact, data string) contacts.Contact {
	if data == cloudevent.Full {
		return c
	}
	records := make([]contacts.Record, len(c.Records))
	for i, r := range c.Records {
		records[i] = r
		records[i].Values = make(map[string]contacts.Value, len(r.Values))
		for name, v := range r.Values {
			v.By = ""
			v.Value = withheld(v.Value, data)
			records[i].Values[name] = v
		}
	}
	c.Records = records
	return c
}

// withheld is a value, or null, for a reader who may see hints or nothing.
func withheld(value json.RawMessage, data string) json.RawMessage {
	var v any
	if data != cloudevent.Masked || json.Unmarshal(value, &v) != nil {
		return json.RawMessage("null")
	}
	hint, _ := json.Marshal(cloudevent.Hint(v)) // a text, bool or null
	return hint
}
