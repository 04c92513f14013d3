package main

import (
	"io"
	"log"
	"net/http"
	"os"
	"strings"
)

func main() {
	event := `{"channel":"orders","event":"order.created","id":"order-19","data":{"total":14}}`
	response, err := http.Post("http://127.0.0.1:3000/api/events", "application/json", strings.NewReader(event))
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	io.Copy(os.Stdout, response.Body)
}
