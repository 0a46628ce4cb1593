package app

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
)

// introduce opens the connection in the log the first time, and later refuses another portal or account than the one
// it was opened with. When a system does not answer, the opening is returned for recognised to go on with.
func (e *engine) introduce(ctx context.Context) (unsure *domain.Opened, err error) {
	control, _, err := e.Control(ctx)
	if err != nil {
		return nil, err
	}
	e.control.Store(&control)
	opened, done, err := e.opening(ctx)
	if err != nil {
		return nil, err
	}
	for pause := firstPause; ; pause = min(2*pause, 5*time.Second) {
		portal, account, err := e.identify(ctx)
		switch {
		case err == nil && done:
			return nil, sameAccounts(opened, portal, account)
		case err == nil:
			return nil, e.open(ctx, portal, account)
		case done:
			e.Logger.Warn("a system does not answer; nothing is sent before it is known to be the right one",
				slog.Any("error", err))
			return &opened, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		}
		e.Logger.Warn("waiting for both systems before the first start", slog.Any("error", err))
		sleep(ctx, pause)
	}
}

// recognised waits until the systems answer, and refuses others than those the connection was opened with. An account
// Aloware never told is not waited for.
func (e *engine) recognised(ctx context.Context, o domain.Opened) error {
	for pause := firstPause; ; pause = min(2*pause, 5*time.Second) {
		sleep(ctx, pause)
		portal, account, err := e.identify(ctx)
		switch {
		case err == nil, portal != "" && (o.Account == "" || portal != o.Portal):
			return sameAccounts(o, portal, account)
		case ctx.Err() != nil:
			return ctx.Err()
		}
	}
}

// opening reads how the connection was opened, if it was.
func (a *App) opening(ctx context.Context) (domain.Opened, bool, error) {
	var o domain.Opened
	events, err := a.Log.ReadStream(ctx, streamConnection, 0, 50)
	if err != nil {
		return o, false, err
	}
	for _, ev := range events {
		if ev.Type == domain.ConnectionOpened {
			return o, true, domain.Decode(ev.Type, ev.Schema, ev.Data, &o)
		}
	}
	return o, false, nil
}

func (e *engine) identify(ctx context.Context) (portal, account string, err error) {
	if portal, err = e.systems[domain.HubSpot].Identify(ctx); err != nil {
		return "", "", fmt.Errorf("HubSpot: %w", err)
	}
	if account, err = e.systems[domain.Aloware].Identify(ctx); err != nil {
		return portal, "", fmt.Errorf("Aloware: %w", err)
	}
	return portal, account, nil
}

func sameAccounts(o domain.Opened, portal, account string) error {
	if o.Portal != portal {
		return fmt.Errorf("%w: this connection belongs to HubSpot portal %s, the token opens %s: give a token of "+
			"the first, or make a connection for the second (duolog connections add NAME)", ErrRefused, o.Portal, portal)
	}
	if o.Account != "" && account != "" && o.Account != account {
		return fmt.Errorf("%w: this connection belongs to Aloware account %s, the token opens %s: give a token of "+
			"the first, or make a connection for the second (duolog connections add NAME)", ErrRefused, o.Account, account)
	}
	return nil
}

// open appends who is connected and, unless settings were applied before, the default ones.
func (e *engine) open(ctx context.Context, portal, account string) error {
	o, err := e.act(domain.ConnectionOpened, streamConnection, domain.Opened{Portal: portal, Account: account, Demo: e.Demo}, duolog)
	if err != nil {
		return err
	}
	events := []eventstore.NewEvent{o}
	had, err := e.SettingsHistory(ctx)
	if err != nil {
		return err
	}
	if len(had) == 0 {
		first, err := e.firstSettings()
		if err != nil {
			return err
		}
		acts, err := e.settingsActs(ctx, first, httpapi.By{Actor: "duolog", Reason: "first start"})
		if err != nil {
			return err
		}
		events = append(acts, events...)
	}
	_, err = e.append(ctx, events...)
	return err
}

func (e *engine) firstSettings() (settings.Settings, error) {
	name := settings.PresetDefault
	if e.Demo {
		name = settings.PresetRecommended
	}
	s, err := settings.Preset(name)
	if err != nil {
		return s, err
	}
	if e.Demo {
		s.Limits.AlowarePerSecond, s.Limits.HubSpotShare = 1000, 100
		s.Guards.MaxChangedShare, s.Guards.MaxDeletedShare = 0, 0 // a day's changes come in a minute
	}
	s = s.Sorted()
	s.Version = 1
	return s, nil
}
