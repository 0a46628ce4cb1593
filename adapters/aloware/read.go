package aloware

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
)

var _ adapters.System = (*Client)(nil)

// Name is domain.Aloware.
func (c *Client) Name() domain.System { return domain.Aloware }

// Capabilities are few: a look-up by phone, which proves absence, and nothing else to find a contact by.
func (c *Client) Capabilities() adapters.Capabilities {
	return adapters.Capabilities{LookupByPhone: true, Batch: 1}
}

// Identify lists the users, which is the vendor's own test of a token. The account's id is returned where the users
// show it, and is otherwise empty: the public API has no other place for it.
func (c *Client) Identify(ctx context.Context) (string, error) {
	r, err := c.get(ctx, "users", usersPath, nil)
	if err != nil {
		return "", err
	}
	if r.status != http.StatusOK {
		return "", retry(r.status, "users: status %d: %s", r.status, plain(readComplaint(r.body).text))
	}
	var users []struct {
		Company json.RawMessage `json:"company_id"`
	}
	if err := json.Unmarshal(r.body, &users); err != nil {
		return "", retry(r.status, "users: the answer is not a list of users")
	}
	for _, u := range users {
		if id := scalar(u.Company); id != "" {
			return id, nil
		}
	}
	return "", nil
}

// Schema lists the documented properties, all declared: Aloware cannot list its own.
func (c *Client) Schema(context.Context) ([]adapters.Property, error) { return Documented(), nil }

// Prepare has nothing to make.
func (c *Client) Prepare(context.Context) error { return nil }

// Scan is not offered.
func (c *Client) Scan(context.Context, []string, func([]adapters.Snapshot) error) error {
	return fmt.Errorf("list aloware's contacts: %w", adapters.ErrUnsupported)
}

// Read looks each request up by phone. A request by id needs the phone beside it, and the answer is whatever record
// the phone finds: the caller compares the ids.
func (c *Client) Read(ctx context.Context, reqs []adapters.ReadRequest) []adapters.ReadAnswer {
	out := make([]adapters.ReadAnswer, len(reqs))
	c.each(len(reqs), func(i int) { out[i] = c.read(ctx, reqs[i]) })
	return out
}

func (c *Client) read(ctx context.Context, req adapters.ReadRequest) adapters.ReadAnswer {
	phone := req.Phone
	if req.By == "phone" {
		phone = req.Value
	}
	if phone == "" || (req.By != "phone" && req.By != "id") {
		return adapters.ReadAnswer{Err: fmt.Errorf("read by %s: %w", req.By, adapters.ErrUnsupported)}
	}
	found, err := c.lookup(ctx, phone)
	if err != nil {
		return adapters.ReadAnswer{Err: err}
	}
	if !found.exists {
		return adapters.ReadAnswer{}
	}
	return adapters.ReadAnswer{Records: []adapters.Snapshot{found.snapshot(found.clock)}}
}

// sighting is the answer of a look-up: a contact, or that there is none.
type sighting struct {
	contact
	exists bool
	clock  int64 // when the request went out, µs UTC
}

// lookup finds the contact that holds a phone. Only Aloware's own "contact not found" means absence.
func (c *Client) lookup(ctx context.Context, phone string) (sighting, error) {
	r, err := c.get(ctx, "look-up by phone", lookupPath, map[string]string{"phone_number": phone})
	if err != nil {
		return sighting{}, err
	}
	return readLookup(r)
}

func readLookup(r reply) (sighting, error) {
	out := sighting{clock: r.began.UnixMicro()}
	if r.status >= 200 && r.status < 300 {
		found, err := readContact(r.body)
		if err != nil {
			return sighting{}, retry(r.status, "look-up by phone: status %d, but %s", r.status, err)
		}
		out.contact, out.exists = found, true
		return out, nil
	}
	said := readComplaint(r.body)
	switch {
	case r.status == http.StatusNotFound && said.notFound():
		return out, nil
	case r.status == http.StatusBadRequest || r.status == http.StatusUnprocessableEntity:
		e := rejected("look-up by phone: status %d: %s", r.status, plain(said.text))
		e.Status = r.status
		return sighting{}, e
	}
	return sighting{}, retry(r.status, "look-up by phone: status %d: %s", r.status, plain(said.text))
}

// each calls do for 0..n-1, as many at a time as the client has slots.
func (c *Client) each(n int, do func(i int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range min(n, cap(c.slots)) {
		wg.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

// failure returns err as the contract's error; every error of this package's requests is one.
func failure(err error) *adapters.Error {
	var e *adapters.Error
	if errors.As(err, &e) {
		return e
	}
	return retry(0, "%s", err.Error())
}
