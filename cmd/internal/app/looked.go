package app

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
)

// looks are those this process has put into the log this hour.
type looks struct {
	mu   sync.Mutex
	hour time.Time
	made map[string]bool
}

// known reports whether a look of the hour is in the log already.
func (l *looks) known(hour time.Time, look string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.hour.Equal(hour) {
		l.hour, l.made = hour, map[string]bool{}
	}
	return l.made[look]
}

func (l *looks) keep(hour time.Time, look string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hour.Equal(hour) {
		l.made[look] = true
	}
}

// Looked puts into the log who looks at whose data, before it is shown. The same look by the same reader is one act within
// an hour, in whichever process: a page that is refreshed, or a feed that is read page by page and shows that very act,
// must not fill the log.
func (a *App) Looked(ctx context.Context, what string, by httpapi.By, contacts ...ulid.ULID) error {
	if by.Actor == "" {
		by.Actor = a.Actor
	}
	hour := a.now().UTC().Truncate(time.Hour)
	look := fmt.Sprint(by.Actor, " ", what, " ", contacts)
	if a.looks.known(hour, look) {
		return nil
	}
	e, err := a.act(domain.AccessMade, streamAccess, domain.Act{Access: &domain.Access{What: what, Contacts: contacts}}, by)
	if err != nil {
		return err
	}
	key := a.Log.Vault().Blind("access", look+" "+hour.Format(time.RFC3339))
	if _, err := a.append(ctx, once(e, key)); err != nil {
		return fmt.Errorf("nothing is shown, for who looks at people is put into the log, and that failed: %w", err)
	}
	a.looks.keep(hour, look)
	return nil
}
