# The whole product is one static binary: docker build -t oneport . && docker run --rm -p 8080:8080 -p 8080:8080/udp -e CANDIDATE=192.0.2.1 oneport
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o /oneport .

FROM scratch
COPY --from=build /oneport /oneport
# By these the certificate authorities of ACME, and what else is called by https://, are known.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY LICENSE NOTICE /
COPY third_party/licenses /third_party/licenses
COPY third_party/mpegts.js-1.8.2/LICENSE third_party/mpegts.js-1.8.2/dist/mpegts.js.LICENSE.txt /third_party/mpegts.js-1.8.2/
COPY third_party/hls.js-1.7.4/LICENSE /third_party/hls.js-1.7.4/
EXPOSE 8080/tcp 8080/udp 1935/tcp 10080/udp
ENTRYPOINT ["/oneport"]
