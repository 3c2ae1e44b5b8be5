// KHTML's side of a tab: a window with one page in it.

#include <KHTMLPart>
#include <KHTMLView>
#include <QApplication>
#include <QUrl>
#include <cstdio>

int main(int count, char **arguments)
{
    QApplication application(count, arguments);
    if (count != 2) {
        std::fprintf(stderr, "usage: khtml-host URL\n");
        return 64;
    }
    KHTMLPart part;
    part.setJScriptEnabled(true);
    part.setJavaEnabled(false);
    part.setPluginsEnabled(false);
    QObject::connect(&part, QOverload<>::of(&KHTMLPart::completed), [] {
        std::puts("opened: success");
        std::fflush(stdout);
    });
    QObject::connect(&part, &KHTMLPart::canceled, [](const QString &why) {
        std::printf("opened: %s\n", qPrintable(why));
        std::fflush(stdout);
    });
    part.openUrl(QUrl(QString::fromLocal8Bit(arguments[1])));
    part.view()->resize(800, 600);
    part.widget()->show();
    return application.exec();
}
