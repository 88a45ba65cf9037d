// Command metrics-server is metrics-server, built from the released module. It only repeats
// sigs.k8s.io/metrics-server/cmd/metrics-server/metrics-server.go.
package main

import (
	"os"

	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/component-base/cli"
	"sigs.k8s.io/metrics-server/cmd/metrics-server/app"
)

func main() {
	os.Exit(cli.Run(app.NewMetricsServerCommand(genericapiserver.SetupSignalHandler())))
}
