package app

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
)

// keyUsage is under what the owner keeps how much of HubSpot's limits is used. It is no secret, but nothing of the log
// either: a process that only looks must find it.
const keyUsage = "hubspot.usage"

// How often the owner looks at the usage, and how often it stores it at most.
const (
	lookAtUsage = time.Second
	storeUsage  = 30 * time.Second
)

// keepUsage stores how much of HubSpot's limits is used, for status.
func (e *engine) keepUsage(ctx context.Context) error {
	metered, ok := e.systems[domain.HubSpot].(adapters.Metered)
	if !ok {
		<-ctx.Done()
		return ctx.Err()
	}
	turn := time.NewTicker(lookAtUsage)
	defer turn.Stop()
	for last := (adapters.Usage{}); ; {
		if u, told := metered.Usage(); told && u.At.Sub(last.At) >= storeUsage {
			if err := e.storeUsage(ctx, u); err != nil && ctx.Err() == nil {
				e.Logger.Warn("the usage of HubSpot's limits is not stored", slog.Any("error", err))
			}
			last = u
		}
		select {
		case <-turn.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (e *engine) storeUsage(ctx context.Context, u adapters.Usage) error {
	text, err := json.Marshal(u)
	if err != nil {
		return err
	}
	return e.secrets().Put(ctx, e.now().UnixMicro(), map[string]string{keyUsage: string(text)})
}

// usage is what the owner stored last; nil: nothing yet.
func (a *App) usage(ctx context.Context) (*adapters.Usage, error) {
	stored, err := a.secrets().All(ctx)
	if err != nil || stored[keyUsage] == "" {
		return nil, err
	}
	u := &adapters.Usage{}
	if err := json.Unmarshal([]byte(stored[keyUsage]), u); err != nil {
		return nil, fmt.Errorf("stored usage of HubSpot's limits: %w", err)
	}
	return u, nil
}
