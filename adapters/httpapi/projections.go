package httpapi

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/duolog/duolog/projections"
)

// Projections tells of projections and has them rebuilt, by whoever runs them.
type Projections interface {
	Status(ctx context.Context) ([]projections.Status, error)
	Rebuilds(ctx context.Context) ([]projections.Progress, error)
	Begin(ctx context.Context, name string) error
	Pause(ctx context.Context, name string) error
	Release(ctx context.Context, name string) error
	Cancel(ctx context.Context, name string) error
	BeginRollback(ctx context.Context, name string) error
}

// Projection is a projection with its rebuild.
type Projection struct {
	projections.Status
	Rebuild projections.Progress `json:"rebuild"`
}

// ProjectionList is every projection.
type ProjectionList struct {
	Projections []Projection `json:"projections"`
}

type projectionInput struct {
	Connection string `path:"connection" maxLength:"100"`
	Projection string `path:"projection" maxLength:"50" example:"contacts"`
}

func (a *api) registerProjections() {
	const at = "/v1/connections/{connection}/projections"
	register(a, get("list-projections", at, "The tables made from the log, and how their rebuilds stand", "projections"), ReadStatus,
		func(ctx context.Context, in *connectionInput) (*body[ProjectionList], error) {
			all, err := a.projections(ctx, in.Connection, nil)
			return &body[ProjectionList]{ProjectionList{all}}, err
		})
	for _, v := range []struct {
		id, path, summary, about string
		do                       func(Projections) func(context.Context, string) error
	}{
		{
			"rebuild-projection", "rebuild", "Make a projection again from the log", "It is filled beside the one in use and swapped in when it has caught up; one that was stopped goes on.",
			func(p Projections) func(context.Context, string) error { return p.Begin },
		},
		{
			"pause-rebuild", "pause", "Have a rebuild rest", "",
			func(p Projections) func(context.Context, string) error { return p.Pause },
		},
		{
			"resume-rebuild", "resume", "Have it go on where it was", "One that is to be compared before its swap is resumed by duolog rebuild resume.",
			func(p Projections) func(context.Context, string) error { return p.Release },
		},
		{
			"cancel-rebuild", "cancel", "Give a rebuild up; the version in use stays", "",
			func(p Projections) func(context.Context, string) error { return p.Cancel },
		},
		{
			"rollback-rebuild", "rollback", "Bring back the version before the last swap", "It is caught up to the end of the log first. It is kept for a day, or until the next rebuild.",
			func(p Projections) func(context.Context, string) error { return p.BeginRollback },
		},
	} {
		register(a, act(v.id, at+"/{projection}/"+v.path, v.summary, v.about), RebuildProjections,
			func(ctx context.Context, in *projectionInput) (*body[Projection], error) {
				all, err := a.projections(ctx, in.Connection, func(p Projections) error { return v.do(p)(ctx, in.Projection) })
				if err != nil {
					return nil, err
				}
				i := slices.IndexFunc(all, func(p Projection) bool { return p.Name == in.Projection })
				return &body[Projection]{all[i]}, nil
			})
	}
}

// projections does something about a connection's projections, and then tells how they stand.
func (a *api) projections(ctx context.Context, connection string, do func(Projections) error) ([]Projection, error) {
	conn, err := a.connection(connection)
	switch {
	case err != nil:
		return nil, err
	case conn.Projections == nil:
		return nil, fmt.Errorf("%w: this connection has no projections here", ErrNotFound)
	case do != nil:
		if err := steered(do(conn.Projections)); err != nil {
			return nil, err
		}
	}
	all, err := conn.Projections.Status(ctx)
	if err != nil {
		return nil, err
	}
	rebuilds, err := conn.Projections.Rebuilds(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]Projection, len(all))
	for i := range all {
		out[i] = Projection{all[i], rebuilds[i]}
	}
	return out, nil
}

// steered tells what stands against steering a rebuild.
func steered(err error) error {
	if errors.Is(err, projections.ErrUnknown) {
		return fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	for _, against := range []error{
		projections.ErrNoRebuild, projections.ErrNothingKept, projections.ErrOtherFold, projections.ErrUnderWay, projections.ErrDiff,
	} {
		if errors.Is(err, against) {
			return fmt.Errorf("%w: %w", ErrConflict, err)
		}
	}
	return err
}
