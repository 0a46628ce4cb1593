package engine

import (
	"context"
	"crypto/rand"
	"fmt"
	"regexp"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/eventstore"
)

// connectionName also fits a Watermill topic, which carries it.
var connectionName = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,100}$`)

// Log returns a connection's log, making its head the first time.
func (s *Store) Log(ctx context.Context, connection string) (eventstore.Log, error) {
	if l, err := s.opened(connection); l != nil || err != nil {
		return l, err
	}
	if !connectionName.MatchString(connection) {
		return nil, fmt.Errorf("%w: connection %q: want 1 to 100 of A-Z a-z 0-9 . _ : -",
			eventstore.ErrInvalid, connection)
	}
	var head eventstore.Head
	var secret []byte
	err := s.whileOpen(func() (err error) {
		head, secret, err = s.openHead(ctx, connection)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open log %s: %w", connection, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.logs[connection] == nil {
		s.logs[connection] = newLog(s, connection, secret, head)
	}
	return s.logs[connection], nil
}

// opened returns nil for a log not yet opened; the result is an interface only when there is one.
func (s *Store) opened(connection string) (eventstore.Log, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fmt.Errorf("open log %s: %w: closed", connection, eventstore.ErrUnavailable)
	}
	if l := s.logs[connection]; l != nil {
		return l, nil
	}
	return nil, nil
}

// openHead reads the head, or makes it, and unwraps the connection's secret.
func (s *Store) openHead(ctx context.Context, connection string) (eventstore.Head, []byte, error) {
	head, master, wrapped, err := s.readHead(ctx, connection)
	if err == nil && wrapped == nil {
		if err = s.makeHead(ctx, connection); err == nil {
			head, master, wrapped, err = s.readHead(ctx, connection)
		}
	}
	if err != nil {
		return head, nil, err
	}
	secret, err := s.opts.MasterKey.Unwrap(eventstore.SecretPurpose(connection), wrapped)
	if err != nil && master != s.opts.MasterKey.ID() {
		err = fmt.Errorf("%w: it was made with %s, this one is %s", eventstore.ErrMasterKey, master, s.opts.MasterKey.ID())
	}
	return head, secret, err
}

func (s *Store) readHead(ctx context.Context, connection string) (
	head eventstore.Head, master string, wrapped []byte, err error,
) {
	rows, err := s.driver.Query(ctx, `SELECT log_id, generation, position, recorded_at, key_epoch, master_id, secret
		FROM log_head WHERE connection = $1`, connection)
	_, err = eventstore.Scan(rows, err, func(r eventstore.Rows) (none struct{}, err error) {
		var id []byte
		err = r.Scan(&id, &head.Generation, &head.Position, &head.RecordedAt, &head.KeyEpoch, &master, &wrapped)
		copy(head.LogID[:], id)
		return none, err
	})
	return head, master, wrapped, err
}

// makeHead inserts a head; losing to another process that does the same is fine.
func (s *Store) makeHead(ctx context.Context, connection string) error {
	id, err := ulid.New(ulid.Timestamp(s.opts.Clock()), rand.Reader)
	if err != nil {
		return fmt.Errorf("make log id: %w", err)
	}
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	master, wrapped := s.opts.MasterKey.Wrap(eventstore.SecretPurpose(connection), secret)
	return s.again(ctx, func() error {
		_, err := s.driver.Exec(ctx, `INSERT INTO log_head
			(connection, log_id, generation, position, recorded_at, key_epoch, demo, master_id, secret)
			VALUES ($1, $2, 1, 0, 0, 1, 0, $3, $4) ON CONFLICT (connection) DO NOTHING`,
			connection, id[:], master, wrapped)
		return err
	})
}
