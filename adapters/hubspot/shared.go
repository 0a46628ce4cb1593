package hubspot

import (
	"context"
	"time"

	"github.com/duolog/duolog/adapters"
)

// Shared is what the processes of a connection share of their access to a portal: one refreshes at a time, the others
// take what it was given. HubSpot may give a new refresh token with it, after which the one before is worth nothing.
type Shared interface {
	// Load returns what was kept last; zero when nothing was.
	Load(ctx context.Context) (Grant, error)
	// Claim reports whether this process may refresh now. Until then, or until it says Release, no other may.
	Claim(ctx context.Context, now, until time.Time) (bool, error)
	Keep(ctx context.Context, g Grant) error
	Release(ctx context.Context) error
}

// Grant is what HubSpot gives for a refresh token.
type Grant struct {
	Access  string    `json:"access"`
	Renew   time.Time `json:"renew"` // from here on the access token is replaced
	Refresh string    `json:"refresh"`
}

const (
	refreshTime  = 10 * time.Second       // a refresh may take
	lookForGrant = 100 * time.Millisecond // between looks while another process refreshes
)

// share takes the grant of another process, or refreshes in the name of all.
func (t *tokens) share(ctx context.Context, with Shared) error {
	for {
		if found, err := t.taken(ctx, with); found || err != nil {
			return err
		}
		now := t.c.cfg.Clock()
		mine, err := with.Claim(ctx, now, now.Add(refreshTime))
		if err != nil {
			return unshared()
		}
		if mine {
			break
		}
		if err := rest(ctx, lookForGrant); err != nil {
			return &adapters.Error{Class: adapters.Retry, Detail: "hubspot: out of time while another process refreshes the token"}
		}
	}
	defer func() { _ = with.Release(ctx) }() // it ends by itself as well
	if found, err := t.taken(ctx, with); found || err != nil {
		return err
	}
	err := t.renewBy(ctx, t.refresh)
	if err != nil && t.refresh != t.c.cfg.RefreshToken {
		err = t.renewBy(ctx, t.c.cfg.RefreshToken) // what a person said since
	}
	if err != nil {
		return err
	}
	if with.Keep(ctx, Grant{Access: t.access, Renew: t.renew, Refresh: t.refresh}) != nil {
		return unshared()
	}
	return nil
}

// taken takes what was kept, as long as it is good; of one that is not, the refresh token.
func (t *tokens) taken(ctx context.Context, with Shared) (bool, error) {
	g, err := with.Load(ctx)
	if err != nil {
		return false, unshared()
	}
	t.refresh = orElse(g.Refresh, t.refresh)
	if g.Access == "" || g.Access == t.dropped || !t.c.cfg.Clock().Before(g.Renew) {
		return false, nil
	}
	t.access, t.renew = g.Access, g.Renew
	return true, nil
}

func unshared() error {
	return &adapters.Error{Class: adapters.Retry, Detail: "hubspot: the token that processes share could not be read or kept in the database"}
}
