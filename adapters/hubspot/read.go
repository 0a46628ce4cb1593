package hubspot

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
)

// Read answers by id and by email from batch reads, which see the present; secondary emails and phones are found by
// search, which lags, and then read as well.
func (c *Client) Read(ctx context.Context, reqs []adapters.ReadRequest) []adapters.ReadAnswer {
	out := make([]adapters.ReadAnswer, len(reqs))
	for _, group := range alike(reqs) {
		switch reqs[group[0]].By {
		case "id":
			c.readGroup(ctx, reqs, group, out, c.byID)
		case "email":
			c.readGroup(ctx, reqs, group, out, c.byEmail)
		case "phone":
			c.readGroup(ctx, reqs, group, out, c.byPhone)
		default:
			for _, i := range group {
				out[i].Err = adapters.ErrUnsupported
			}
		}
	}
	return out
}

// alike groups requests that ask the same way for the same properties.
func alike(reqs []adapters.ReadRequest) [][]int {
	groups, order := map[string][]int{}, []string(nil)
	for i, r := range reqs {
		key := r.By + "\x00" + strings.Join(withIdentifying(r.Properties), "\x00")
		if groups[key] == nil {
			order = append(order, key)
		}
		groups[key] = append(groups[key], i)
	}
	out := make([][]int, len(order))
	for i, key := range order {
		out[i] = groups[key]
	}
	return out
}

// finder looks values up and answers each; a value without an entry was not found.
type finder func(ctx context.Context, values, properties []string) (map[string]adapters.ReadAnswer, error)

func (c *Client) readGroup(
	ctx context.Context, reqs []adapters.ReadRequest, group []int, out []adapters.ReadAnswer, find finder,
) {
	properties := withIdentifying(reqs[group[0]].Properties)
	for part := range slices.Chunk(group, maxBatch) {
		values := make([]string, len(part))
		for k, i := range part {
			values[k] = reqs[i].Value
		}
		slices.Sort(values)
		found, err := find(ctx, slices.Compact(values), properties)
		for _, i := range part {
			out[i] = found[reqs[i].Value]
			if err == nil {
				err = c.unknown(ctx, out[i].Records)
			}
			if err != nil {
				out[i] = adapters.ReadAnswer{Err: plain(err)}
			}
		}
	}
}

// batchRead reads up to 100 records by id or by email, without secondary ones; with histories of properties up to 50.
func (c *Client) batchRead(
	ctx context.Context, by string, values, properties []string, histories ...string,
) (batchAnswer, time.Time, error) {
	inputs := make([]map[string]string, len(values))
	for i, v := range values {
		inputs[i] = map[string]string{"id": v}
	}
	body := map[string]any{"inputs": inputs, "properties": properties}
	if by != "id" {
		body["idProperty"] = by
	}
	if len(histories) > 0 {
		body["propertiesWithHistory"] = histories
	}
	var a batchAnswer
	begun, err := c.fetch(ctx, c.calls, http.MethodPost, c.paths.contacts("/batch/read"), body, &a)
	if err == nil && slices.ContainsFunc(a.Errors, problem.transient) {
		// A row that failed for another reason than being unknown must not pass for absent.
		err = &adapters.Error{Class: adapters.Retry, Detail: "hubspot failed at a part of the batch"}
	} else if err == nil {
		err = addressed(a.Results...)
	}
	return a, begun, err
}

// byID finds merged ids, too: the answer then has the survivor's id, and names the old one among its aliases.
func (c *Client) byID(ctx context.Context, ids, properties []string) (map[string]adapters.ReadAnswer, error) {
	ids = slices.DeleteFunc(ids, func(id string) bool { return whole(json.Number(id)) == 0 })
	if len(ids) == 0 {
		return nil, nil
	}
	a, begun, err := c.batchRead(ctx, "id", ids, properties)
	if err != nil {
		return nil, err
	}
	found := map[string]adapters.ReadAnswer{}
	for _, o := range a.Results {
		s := o.snapshot(begun, properties...)
		for _, alias := range s.Aliases {
			found[alias.ID] = adapters.ReadAnswer{Records: []adapters.Snapshot{s}}
		}
		found[o.ID] = adapters.ReadAnswer{Records: []adapters.Snapshot{s}}
	}
	for _, id := range ids {
		if _, ok := found[id]; !ok && !a.missing(id) {
			records, err := c.one(ctx, id, properties)
			found[id] = adapters.ReadAnswer{Records: records, Err: plain(err)}
		}
	}
	return found, nil
}

// missing is true when the answer says itself that there is no such record.
func (a batchAnswer) missing(id string) bool {
	return slices.ContainsFunc(a.Errors, func(p problem) bool { return slices.Contains(p.Context["ids"], id) })
}

// one reads a single record whose fate a batch did not tell: its survivor may not list its id.
func (c *Client) one(ctx context.Context, id string, properties []string) ([]adapters.Snapshot, error) {
	var o object
	path := c.paths.contacts("/"+id) + "?" + listQuery(properties, "").Encode()
	begun, err := c.fetch(ctx, c.calls, http.MethodGet, path, nil, &o)
	var e *adapters.Error
	switch {
	case errors.As(err, &e) && e.Status == http.StatusNotFound:
		return nil, nil
	case err != nil:
		return nil, err
	}
	if err := addressed(o); err != nil {
		return nil, err
	}
	s := o.snapshot(begun, properties...)
	if asked := record(id); s.Record != asked && !slices.Contains(s.Aliases, asked) {
		s.Aliases = append(s.Aliases, asked)
	}
	return []adapters.Snapshot{s}, nil
}

// byEmail finds a contact by its email, or by a secondary one.
func (c *Client) byEmail(ctx context.Context, emails, properties []string) (map[string]adapters.ReadAnswer, error) {
	a, begun, err := c.batchRead(ctx, "email", emails, properties)
	if err != nil {
		return nil, err
	}
	found := map[string]adapters.ReadAnswer{}
	for _, o := range a.Results {
		for _, email := range emails {
			if o.hasEmail(email) {
				found[email] = adapters.ReadAnswer{Records: []adapters.Snapshot{o.snapshot(begun, properties...)}}
			}
		}
	}
	rest := slices.DeleteFunc(slices.Clone(emails), func(e string) bool { return len(found[e].Records) > 0 })
	for part := range slices.Chunk(rest, maxSearchGroups) {
		c.confirm(ctx, found, part, properties, secondaryQuery(part), object.hasEmail)
	}
	return found, nil
}

func (o object) hasEmail(email string) bool {
	return strings.EqualFold(o.text("email"), email) ||
		slices.ContainsFunc(o.list("hs_additional_emails"), func(e string) bool { return strings.EqualFold(e, email) })
}

// byPhone finds the contacts that show a number now. To find none proves nothing: search lags, and numbers are text.
func (c *Client) byPhone(ctx context.Context, phones, properties []string) (map[string]adapters.ReadAnswer, error) {
	found := map[string]adapters.ReadAnswer{}
	for part := range slices.Chunk(phones, phonesPerQuery) {
		c.confirm(ctx, found, part, properties, phoneQuery(part), c.hasPhone)
	}
	return found, nil
}

func (c *Client) hasPhone(o object, e164 string) bool {
	for _, name := range []string{"phone", "mobilephone"} {
		if p, err := domain.ParsePhone(o.text(name), *c.region.Load()); err == nil && p.E164 == e164 {
			return true
		}
	}
	return false
}

// confirm runs a search for values, reads what it found as it stands now, and keeps what really holds one of them.
// When it fails, it fails for these values only.
func (c *Client) confirm(
	ctx context.Context, found map[string]adapters.ReadAnswer, values, properties []string, q query,
	holds func(object, string) bool,
) {
	objects, begun, err := c.searched(ctx, q, properties)
	for _, v := range values {
		answer := adapters.ReadAnswer{Err: plain(err)}
		for _, o := range objects {
			if holds(o, v) {
				answer.Records = append(answer.Records, o.snapshot(begun, properties...))
			}
		}
		found[v] = answer
	}
}

// searched reads the records a search finds. begun is when the first of the reads began.
func (c *Client) searched(ctx context.Context, q query, properties []string) ([]object, time.Time, error) {
	ids, err := c.find(ctx, q)
	if err != nil {
		return nil, time.Time{}, err
	}
	var objects []object
	var first time.Time
	for part := range slices.Chunk(ids, maxBatch) {
		a, begun, err := c.batchRead(ctx, "id", part, properties)
		if err != nil {
			return nil, time.Time{}, err
		}
		first = orElse(first, begun)
		objects = append(objects, a.Results...)
	}
	return objects, first, nil
}
