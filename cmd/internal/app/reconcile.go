package app

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
)

// Reconcile has the owner of the connection sweep both sides, and waits for the end. When nobody owns it this process
// does, and goes on until what was found is settled. progress is told the seconds waited and what is going on.
func (a *App) Reconcile(ctx context.Context, by httpapi.By, progress func(seconds int64, what string)) (Reconciled, error) {
	e, err := a.engine(ctx)
	if err != nil {
		return Reconciled{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	worker := make(chan error, 1)
	go func() { worker <- e.keep(ctx) }() // waits in line behind an owner that is running
	go func() { _ = a.Runner.Run(ctx) }()
	act, err := a.act(domain.OperationStarted, streamConnection, domain.Act{Name: opReconcile, Reason: by.Reason}, by)
	if err != nil {
		return Reconciled{}, err
	}
	done, err := a.append(ctx, act)
	if err != nil {
		return Reconciled{}, err
	}
	sum, err := a.awaitOperation(ctx, act.ID.String(), done.Position, worker, progress)
	if err != nil {
		return sum, err
	}
	head, err := a.Log.Head(ctx)
	if err != nil {
		return sum, err
	}
	err = a.waitSettled(ctx, head.Position)
	cancel()
	return sum, errors.Join(err, ended(ctx, <-worker))
}

func (a *App) awaitOperation(ctx context.Context, id string, after int64, worker <-chan error,
	progress func(int64, string),
) (Reconciled, error) {
	began := time.Now()
	for {
		select {
		case err := <-worker:
			return Reconciled{}, errors.Join(errors.New("reconcile did not end"), err)
		default:
		}
		events, err := a.Log.ReadStream(ctx, streamConnection, after, 100)
		if err != nil {
			return Reconciled{}, err
		}
		for _, e := range events {
			after = e.Position
			var end domain.Act
			if e.Type == domain.OperationFinished && json.Unmarshal(e.Data, &end) == nil && end.Command.String() == id {
				c := end.Counts
				return Reconciled{c["scanned"], c["looked_up"], c["found"], c["facts"], c["failed"]}, nil
			}
		}
		if progress != nil {
			progress(int64(time.Since(began).Seconds()), "reading both systems")
		}
		sleep(ctx, 250*time.Millisecond)
		if ctx.Err() != nil {
			return Reconciled{}, ctx.Err()
		}
	}
}
