package aloware

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
)

// notAProperty is why a value is refused without asking Aloware.
const notAProperty = "it steers the request and is no property of a contact"

// Write carries out the writes side by side and answers in their order. Each begins with a look-up, so that repeating
// one after a doubt never sends it twice.
func (c *Client) Write(ctx context.Context, writes []adapters.Write) []adapters.WriteAnswer {
	out := make([]adapters.WriteAnswer, len(writes))
	c.each(len(writes), func(i int) { out[i] = c.write(ctx, writes[i]) })
	return out
}

func (c *Client) write(ctx context.Context, w adapters.Write) adapters.WriteAnswer {
	if w.Phone == "" {
		return failed(w.Record, rejected("a contact without a phone cannot exist there"))
	}
	found, err := c.lookup(ctx, w.Phone)
	if err != nil {
		return failed(w.Record, unsent(failure(err)))
	}
	if w.Create {
		return c.create(ctx, w, found)
	}
	return c.update(ctx, w, found)
}

// create sends without force_update: an existing phone then answers 409, so a contact that came into being since the
// look-up is never overwritten.
func (c *Client) create(ctx context.Context, w adapters.Write, found sighting) adapters.WriteAnswer {
	if found.exists {
		return taken(found, w)
	}
	values, refused := sendable(w.Values)
	refused, err := c.submit(ctx, w.Phone, values, refused, false)
	if err != nil && err.Reason == domain.ReasonExists {
		return c.takenSince(ctx, w)
	}
	if err != nil {
		return failed(w.Record, err)
	}
	return c.confirm(ctx, w, refused)
}

func (c *Client) takenSince(ctx context.Context, w adapters.Write) adapters.WriteAnswer {
	found, err := c.lookup(ctx, w.Phone)
	if err != nil {
		return failed(w.Record, unsent(failure(err)))
	}
	if !found.exists {
		return failed(w.Record, unsent(retry(http.StatusConflict, "create: it exists, yet the look-up finds none")))
	}
	return taken(found, w)
}

// update sends only the values that differ, and only to the linked record: forms finds by phone, and a phone that
// moved would make a second contact.
func (c *Client) update(ctx context.Context, w adapters.Write, found sighting) adapters.WriteAnswer {
	if !found.exists || found.record != w.Record {
		return moved(w.Record, found)
	}
	values, refused := sendable(w.Values)
	if given := w.Values["phone_number"]; given != nil && !found.holds("phone_number", given) &&
		onlyDigits(scalar(given)) != onlyDigits(w.Phone) {
		refused["phone_number"] = "a phone cannot be changed by the API"
	}
	maps.DeleteFunc(values, func(name string, v json.RawMessage) bool { return found.holds(name, v) })
	for name := range unexpected(w, found, values) {
		delete(values, name)
		refused[name] = domain.ReasonChanged
	}
	if len(values) == 0 && len(refused) > 0 && len(refused) == len(w.Values) {
		return refusedAll(found, withheld(refused))
	}
	if len(values) == 0 {
		ans := shows(found, refused)
		ans.Unneeded = true
		return ans
	}
	refused, err := c.submit(ctx, w.Phone, values, refused, true)
	if err != nil && err.Reason == domain.ReasonInvalid {
		err.Refused = merge(refused, err.Refused)
		return refusedAll(found, err)
	}
	if err != nil {
		return failed(w.Record, err)
	}
	return c.confirm(ctx, w, refused)
}

// unexpected lists the values that would go over something else than the write was decided on. After a doubt our own
// write may have arrived, and Aloware may show it in its own spelling: that is no change. Anything else is one, made since
// or before, and the planner weighs it.
func unexpected(w adapters.Write, found sighting, values map[string]json.RawMessage) map[string]bool {
	out := map[string]bool{}
	for name := range values {
		e, ok := w.Expects[name]
		ours := func(v json.RawMessage) bool {
			return found.shows(e.Property, name, v) || found.mayRender(e.Property, v)
		}
		if ok && !found.shows(e.Property, name, e.Value) && !slices.ContainsFunc(w.Tried[name], ours) {
			out[name] = true
		}
	}
	return out
}

// confirm looks again: what the contact shows now is the outcome. Where it cannot look, the write was sent all the same.
func (c *Client) confirm(ctx context.Context, w adapters.Write, refused map[string]string) adapters.WriteAnswer {
	found, err := c.lookup(ctx, w.Phone)
	if err != nil {
		told := failure(err)
		told.Unsent = false
		return failed(w.Record, told)
	}
	if !found.exists {
		return failed(w.Record, retry(http.StatusNotFound, "read-back: sent, but the look-up finds no contact yet"))
	}
	if !w.Create && found.record != w.Record {
		return moved(w.Record, found)
	}
	ans := shows(found, refused)
	ans.Created = w.Create
	return ans
}

// sendable splits what goes into the request from what must not. The phone is the key of the request and goes apart.
func sendable(values map[string]json.RawMessage) (send map[string]json.RawMessage, refused map[string]string) {
	send, refused = map[string]json.RawMessage{}, map[string]string{}
	for name, v := range values {
		switch {
		case name == "phone_number":
		case reserved[name]:
			refused[name] = notAProperty
		case byName[name].readOnly:
			refused[name] = "it is read-only"
		default:
			send[name] = v
		}
	}
	return send, refused
}
