package aloware

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
)

// deletedMark stands in the email of a user who was deleted.
const deletedMark = "_deleted_"

// user is a user of the account, as far as it is documented.
type user struct {
	ID      json.RawMessage `json:"id"`
	Company json.RawMessage `json:"company_id"`
	Name    string          `json:"name"`
	Email   string          `json:"email"`
}

// users lists them all: the API has no pages. at is when the request went out, µs UTC.
func (c *Client) users(ctx context.Context) (list []user, at int64, err error) {
	r, err := c.get(ctx, "users", usersPath, nil)
	if err != nil {
		return nil, 0, err
	}
	if r.status != http.StatusOK {
		return nil, 0, retry(r.status, "users: status %d: %s", r.status, plain(readComplaint(r.body).text))
	}
	if err := json.Unmarshal(r.body, &list); err != nil || list == nil {
		return nil, 0, retry(r.status, "users: the answer is not a list of users")
	}
	return list, r.began.UnixMicro(), nil
}

// Catalog lists the users. Dispositions cannot be listed: they are declared by a person.
func (c *Client) Catalog(ctx context.Context, which domain.Catalog, fn func(adapters.CatalogPage) error) error {
	if which != domain.Users {
		return fmt.Errorf("list %s of aloware: %w", which, adapters.ErrUnsupported)
	}
	users, at, err := c.users(ctx)
	if err != nil {
		return err
	}
	page := adapters.CatalogPage{Clock: at}
	for _, u := range users {
		id := scalar(u.ID)
		if id == "" {
			return retry(http.StatusOK, "users: one has no id")
		}
		page.Items = append(page.Items, adapters.CatalogItem{ID: id, Entry: domain.CatalogEntry{
			Label: u.Name, Email: u.Email, Hidden: strings.Contains(u.Email, deletedMark),
		}})
	}
	return fn(page)
}
