package app

import (
	"context"
	"errors"
	"sync"
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
	act, err := a.act(domain.OperationStarted, streamConnection, domain.Act{Name: opReconcile, Reason: by.Reason}, by)
	if err != nil {
		return Reconciled{}, err
	}
	done, err := a.append(ctx, act)
	if err != nil {
		return Reconciled{}, err
	}
	work := func(ctx context.Context) error {
		folds, stop := context.WithCancel(ctx)
		var folding sync.WaitGroup
		folding.Go(func() { _ = a.Runner.Run(folds) })
		defer folding.Wait()
		defer stop()
		return e.keep(ctx) // in line behind an owner that is running
	}
	var sum Reconciled
	err = alongside(ctx, work, func(ctx context.Context, worker <-chan error) error {
		end, err := a.awaitEnd(ctx, act.ID.String(), done.Position, worker, "reading both systems", progress)
		if err != nil {
			return err
		}
		c := end.Counts
		sum = Reconciled{c["scanned"], c["looked_up"], c["found"], c["facts"], c["failed"]}
		head, err := a.Log.Head(ctx)
		if err != nil {
			return err
		}
		return a.waitSettled(ctx, head.Position)
	})
	return sum, err
}

// awaitEnd waits for the act that says how an operation ended. what is told beside the seconds waited.
func (a *App) awaitEnd(ctx context.Context, id string, after int64, worker <-chan error, what string,
	progress func(int64, string),
) (domain.Act, error) {
	began := time.Now()
	for {
		select {
		case err := <-worker:
			return domain.Act{}, errors.Join(errors.New("it did not end"), err)
		default:
		}
		end, last, err := a.ending(ctx, id, after)
		if end != nil || err != nil {
			return valueOf(end), err
		}
		after = last
		if progress != nil {
			progress(int64(time.Since(began).Seconds()), what)
		}
		sleep(ctx, 250*time.Millisecond)
		if ctx.Err() != nil {
			return domain.Act{}, ctx.Err()
		}
	}
}

func valueOf(a *domain.Act) domain.Act {
	if a == nil {
		return domain.Act{}
	}
	return *a
}

// ending looks for the act that ended an operation, after a position; nil while there is none. last is how far it
// looked.
func (a *App) ending(ctx context.Context, id string, after int64) (end *domain.Act, last int64, err error) {
	for {
		events, err := a.Log.ReadStream(ctx, streamConnection, after, 100)
		if err != nil || len(events) == 0 {
			return nil, after, err
		}
		for _, e := range events {
			after = e.Position
			var act domain.Act
			over := e.Type == domain.OperationFinished || e.Type == domain.OperationCancelled
			if over && domain.Decode(e.Type, e.Schema, e.Data, &act) == nil && act.Command.String() == id {
				return &act, after, nil
			}
		}
	}
}
