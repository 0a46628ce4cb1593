package app_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
)

// TestObserveStopsWhatWaits: a write that waits when the mode becomes observe never leaves.
func TestObserveStopsWhatWaits(t *testing.T) {
	t.Parallel()
	r := start(t, plan{})
	_, err := r.hubspot.Create(adaHubSpot, "7")
	r.must(err)
	r.settle()
	h, _ := r.twin(adaPhone)
	writes := r.aloware.Writes()

	r.aloware.Injector().Set(sandboxkit.Faults{FailRate: 1})
	r.must(r.hubspot.Edit(h.ID, map[string]string{"address": "1 Old Road"}, "7"))
	r.wait("a command to wait", func(ctx context.Context) (bool, error) {
		s, err := r.Status(ctx)
		return s.Systems["aloware"].Waiting > 0, err
	})
	_, err = r.SetMode(t.Context(), httpapi.ModeChange{Mode: domain.ModeObserve}, tester)
	r.must(err)
	r.wait("the observing", func(ctx context.Context) (bool, error) {
		control, _, err := r.Control(ctx)
		return control.Mode == domain.ModeObserve, err
	})
	r.aloware.Injector().Set(sandboxkit.Faults{})
	r.settle()
	if n := r.aloware.Writes() - writes; n != 0 {
		t.Errorf("%d writes while observing", n)
	}
	_, a := r.twin(adaPhone)
	r.same("Aloware", a.Properties, map[string]string{"address": ""})
	r.agreed() // what differs is explained
}

// TestRefusedOnceItAnswers: a portal that does not answer at the start is recognised before anything is sent to it.
func TestRefusedOnceItAnswers(t *testing.T) {
	t.Parallel()
	r := start(t, plan{})
	r.settle()
	r.stop()
	other := sandboxes(t, plan{portal: "99"})
	other.hubspot.Injector().Next(slices.Repeat([]sandboxkit.Fault{sandboxkit.FailBefore}, 6)...)
	elsewhere := r.config
	elsewhere.HubSpot.BaseURL = other.config.HubSpot.BaseURL
	if err := serve(t, r, elsewhere); !errors.Is(err, app.ErrRefused) {
		t.Errorf("%v, want ErrRefused", err)
	}
	a, err := app.Open(t.Context(), elsewhere, r.logger)
	r.must(err)
	defer func() { r.must(a.Close()) }()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := a.Reconcile(ctx, tester, nil); !errors.Is(err, app.ErrRefused) {
		t.Errorf("reconcile: %v, want ErrRefused", err)
	}
}
